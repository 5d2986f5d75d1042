"""The settings of the shop on this machine: read once from the environment, checked, then passed on as a value."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations
from pathlib import Path

from dotenv import dotenv_values

from bootstrap.errors import Failed
from chassis.core.errors import Misconfigured
from chassis.core.names import DEFAULT, shop_name

ROOT = Path(__file__).resolve().parent.parent
ENV_FILE = ROOT / ".env"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
PATIENCE = 60.0  # seconds
DOOR = "door"
MACHINE_ROOM = "room"
CADDY = Path(sys.executable).with_name("caddy")


@cache
def port_variables() -> Mapping[str, tuple[str, int]]:
    """The setting and the usual port of the emulator, each web process, the door in front of them, and the room."""
    from bootstrap.manifests import processes  # noqa: PLC0415 it loads pydantic, and `shop --help` asks for no port

    of_web = {it.name: (it.port_variable, it.port) for it in processes() if it.port}
    return (
        {"emulator": ("SHOP_EMULATOR_PORT", 4566)}
        | of_web
        | {DOOR: ("SHOP_DOOR_PORT", 8000), MACHINE_ROOM: ("SHOP_ROOM_PORT", 8007)}
    )


@dataclass(frozen=True)
class Settings:
    """`given_endpoint` is an emulator started elsewhere; without it the launcher starts its own.

    `patience` is how many seconds a process may take without progress while it starts.
    """

    name: str = DEFAULT
    ports: Mapping[str, int] = field(default_factory=lambda: {it: port for it, (_, port) in port_variables().items()})
    given_endpoint: str = ""
    var: Path = ROOT / "var"
    dev: bool = False
    patience: float = PATIENCE

    @classmethod
    def from_env(cls, env: Mapping[str, str], *, dev: bool = False, caddy: Path = CADDY) -> "Settings":
        """Raises `Failed` with a sentence that names the variable. Without Caddy there is no door and no port of it."""
        endpoint = env.get("SHOP_ENDPOINT_URL", "").rstrip("/")
        if endpoint and not endpoint.startswith(("http://", "https://")):
            raise Failed(f"SHOP_ENDPOINT_URL={endpoint} is not a URL: write it as http://host:port.")
        return cls(
            name=_name(env),
            ports=_ports(env, without={*(["emulator"] if endpoint else []), *([] if caddy.exists() else [DOOR])}),
            given_endpoint=endpoint,
            var=Path(env.get("SHOP_VAR") or ROOT / "var").absolute(),
            dev=dev,
            patience=_number(env, "SHOP_PATIENCE", PATIENCE, 9999, "a number of seconds"),
        )

    @property
    def endpoint(self) -> str:
        return self.given_endpoint or self.url("emulator")

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"


def web_names() -> list[str]:
    return [name for name in port_variables() if name not in {"emulator", DOOR, MACHINE_ROOM}]


def api_names() -> list[str]:
    """Those of the web processes that have an API, and so /docs."""
    from bootstrap.manifests import processes  # noqa: PLC0415 see above

    return [it.name for it in processes() if it.serve and not it.pages]


def with_file(env: Mapping[str, str], file: Path = ENV_FILE) -> dict[str, str]:
    """The shell's variables, and those of the file that the shell does not set, as Docker Compose reads them."""
    try:
        given = dotenv_values(file)
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{file} cannot be read: {error}") from error
    return {name: value or "" for name, value in given.items()} | dict(env)


def _name(env: Mapping[str, str]) -> str:
    try:
        name = shop_name(env)
    except Misconfigured as error:
        raise Failed(str(error)) from error
    if not NAME.fullmatch(name):
        raise Failed(f"SHOP_NAME={name} cannot name a shop: use up to 40 letters, digits and hyphens, a letter first.")
    return name


def _ports(env: Mapping[str, str], *, without: set[str]) -> dict[str, int]:
    variables = {it: pair for it, pair in port_variables().items() if it not in without}
    ports = {it: int(_number(env, variable, usual, 65535, "a port")) for it, (variable, usual) in variables.items()}
    for one, other in combinations(ports, 2):
        if ports[one] == ports[other]:
            names = f"{variables[other][0]} and {variables[one][0]}"
            raise Failed(f"{names} are both {ports[one]}: give each its own port.")
    return ports


def _number(env: Mapping[str, str], variable: str, usual: float, most: int, what: str) -> float:
    text = env.get(variable) or f"{usual:.0f}"
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= most:
        raise Failed(f"{variable}={text} is not {what}: give a number from 1 to {most}.")
    return float(text)
