"""The shop that gets the load: the one that `make run` started on this machine, and no other."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.errors import Failed
from load.orders import Order
from load.record import Written
from shop import tokens
from shop.demo.client import Client
from shop.environment import refuse_unless_emulator
from shop.output import command
from shop.paths import Paths, paths_of
from shop.processes.supervisor_client import SupervisorClient
from shop.settings import Settings, web_names
from shop.target import as_running

MOST_USERS = 200


@dataclass(frozen=True)
class Target:
    """`urls` are on 127.0.0.1, since they come from the file of the launcher and not from the environment."""

    env: Mapping[str, str]
    paths: Paths
    urls: Mapping[str, str]
    processes: SupervisorClient

    def token(self, user: str, *, admin: bool = False) -> str:
        return tokens.token(self.env, self.paths, user, admin=admin)

    def plan(self, seed: int, record: str) -> dict[str, Any]:
        """What the customers need. Their names are of this run only, so that their orders are, too."""
        run = secrets.token_hex(3)
        names = [f"load-{run}-{number}" for number in range(1, MOST_USERS + 1)]
        return {
            "urls": self.urls,
            "tokens": {name: self.token(name) for name in names},
            "merchandiser": self.token(f"load-{run}-merchandiser", admin=True),
            "seed": seed,
            "record": record,
        }

    def orders(self, users: list[str]) -> list[Order]:
        """All orders of these users, from GET /order. Raises `Failed`."""
        return [Order.of(item) for user in users for item in self._pages(user)]

    def _pages(self, user: str) -> list[dict[str, Any]]:
        client = Client("load-books", lambda _: None, self.token(user))
        items: list[dict[str, Any]] = []
        url = first = f"{self.urls['ordering']}/order/{user}?limit=100"
        while url:
            answer = client.ask("GET", url)
            if answer.status != 200:
                raise Failed(f"ordering answered {answer.status}: {answer.reason}. The orders cannot be counted.")
            items += answer.body["items"]
            cursor = answer.body["nextCursor"]
            url = f"{first}&cursor={cursor}" if cursor else ""
        return items


def here(env: Mapping[str, str]) -> Target:
    """Raises `Failed` unless the shop of `make run` runs here, on an emulator."""
    settings = Settings.from_env(env)
    paths, running = paths_of(settings), as_running(settings)
    processes = SupervisorClient(paths.socket)
    if not paths.run_state.exists() or not processes.answers():
        it = command("load")
        raise Failed(f"{it} needs the shop of `make run`, and that does not run here. It sends load to no other.")
    refuse_unless_emulator(running)
    return Target(env, paths, {name: running.url(name) for name in web_names()}, processes)


def open_orders(written: Written, orders: list[Order]) -> list[str]:
    """The users with an accepted order that is not final or not there."""
    final = {order.id for order in orders if order.is_final}
    return sorted({entry.user for entry in written.accepted() if entry.order_id not in final})
