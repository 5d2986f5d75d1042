"""The machine room, built from its environment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bootstrap import flows
from bootstrap.aws import connect
from bootstrap.errors import Failed
from bootstrap.manifests import manifests
from bootstrap.names import Names
from bootstrap.templates import load, tap
from chassis.core.errors import Misconfigured
from chassis.core.names import table_names
from shop.output import command
from shop.room.actions import Actions
from shop.room.books import Books
from shop.room.ring import Ring
from shop.room.service import Room
from shop.room.tap import Tap
from shop.room.watch import EVERY, ON_AWS, Gauges, State, Watch

if TYPE_CHECKING:
    from shop.room.processes import Supervised

SOCKET, FILES, TRACES, READ_ONLY = "SHOP_SOCKET", "SHOP_FILES", "SHOP_TRACE", "SHOP_ROOM_READ_ONLY"
NO_EMULATOR = (
    f"The endpoint is AWS. The machine room shows a shop there with {command('room', aws=True)}, and changes nothing."
)
NO_KEY = (
    "This room has no key to sign a token of its customer. "
    f"Sign in to the shop with {command('token NAME')}, and buy there."
)

log = structlog.stdlib.get_logger(__name__)


def build(env: Mapping[str, str]) -> tuple[Room, list[Callable[[], None]]]:
    """The room, and what must run beside it. Raises Misconfigured for AWS without READ_ONLY."""
    aws, names, read_only = connect(env, log.info), Names.from_env(env), env.get(READ_ONLY) == "on"
    if not (aws.emulator or read_only):
        raise Misconfigured(NO_EMULATOR)
    flow, ring, found = flows.read(load(names), manifests()), Ring(), processes(env)
    gauges = Gauges(aws, names, flow, found.states if found else dict)
    watch = Watch(_look(gauges, Books(aws, table_names(env), gauges)), EVERY if aws.emulator else ON_AWS)
    listener = None if read_only else Tap(aws, tap(names), flow, ring)
    urls = {name: env.get(f"{name.upper()}_URL", "") for name in ("product", "basket")}
    room = Room(
        flow,
        ring,
        watch,
        actions=None if read_only else Actions(aws, names, ring, urls, found, signer(env)),
        trouble=(lambda: listener.trouble) if listener else str,
        traces=Path(env[TRACES]) if env.get(TRACES, "off") != "off" else None,
        commands=not (read_only or found),
    )
    return room, [watch.run, *([listener.run] if listener else [])]


def processes(env: Mapping[str, str]) -> Supervised | None:
    """Those of `make run`. Containers have no supervisor, and perhaps not its package.

    A room that shows a shop on AWS does not show processes of this machine.
    """
    if env.get(READ_ONLY) == "on" or not Path(env.get(SOCKET) or "/nowhere").exists():
        return None
    from shop.room.processes import Supervised  # noqa: PLC0415 see above

    return Supervised(Path(env[SOCKET]))


def signer(env: Mapping[str, str]) -> Callable[[str], str]:
    """Makes tokens as `shop token` does. Containers do not have its key, and need none without authentication."""

    def sign(user: str) -> str:
        if folder := env.get(FILES):
            from shop import paths, tokens  # noqa: PLC0415 containers do not have all that these import

            return tokens.token(env, paths.Paths(Path(folder)), user)
        if env.get("SHOP_AUTH") == "on":
            raise Failed(NO_KEY)
        return ""

    return sign


def start(works: list[Callable[[], None]]) -> None:
    for work in works:
        threading.Thread(target=work, daemon=True).start()


def _look(gauges: Gauges, books: Books) -> Callable[[], State]:
    def look() -> State:
        state = gauges.look()
        return State({**state.texts, **books.texts()}, state.marks)

    return look
