"""The customers as Locust runs them: `shop load`."""

import json
import time
from collections.abc import Callable, Collection
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import gevent
from gevent.pool import Group
from locust import FastHttpUser, events, task
from locust.exception import StopUser

from load import mix
from load.merchandiser import Merchandiser
from load.record import FileRecord
from load.shopper import Answer, Shopper, VisitEnded

T = TypeVar("T")
STOPS_WITHIN = 10.0  # seconds


class Run:
    """What `shop load` wrote for this run: addresses, users with their tokens, the seed and the place of the record."""

    def __init__(self, file: Path) -> None:
        plan = json.loads(file.read_text(encoding="utf-8"))
        self.urls: dict[str, str] = plan["urls"]
        self.tokens: dict[str, str] = plan["tokens"]
        self.merchandiser: str = plan["merchandiser"]
        self.seed: int = plan["seed"]
        self.users = iter(self.tokens.items())
        self.numbers = count()
        self.record = FileRecord(Path(plan["record"]).open("a", encoding="utf-8"))  # noqa: SIM115 until the process ends

    def random(self) -> Random:
        return Random(f"{self.seed} {next(self.numbers)}")


class LocustBrowser:
    """Sends requests by Locust's client and reports each under its name."""

    def __init__(self, user: FastHttpUser, token: str) -> None:
        self._user = user
        self._headers = {"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._later = Group()

    def ask(
        self, name: str, method: str, url: str, *, expect: Collection[int], body: Any = None, key: str = ""
    ) -> Answer:
        headers = self._headers | ({"Idempotency-Key": key} if key else {})
        begun = time.perf_counter()
        with self._user.client.request(
            method, url, name=name, json=body, headers=headers, catch_response=True
        ) as response:
            took, at, status = (time.perf_counter() - begun) * 1000, time.time(), response.status_code or 0
            if status in expect:
                response.success()
            else:
                response.failure(f"{status} {(response.text or '')[:200]}")
            return Answer(status, _object(response.text), at, took)

    def at_once(self, calls: Collection[Callable[[], T]]) -> list[T]:
        started = [gevent.spawn(call) for call in calls]
        return [each.get() for each in started]

    def later(self, call: Callable[[], None]) -> None:
        self._later.spawn(call)

    def sleep(self, seconds: float) -> None:
        gevent.sleep(seconds)

    def now(self) -> float:
        return time.time()

    def measured(self, name: str, milliseconds: float) -> None:
        self._user.environment.events.request.fire(
            request_type="EVENT", name=name, response_time=milliseconds, response_length=0, exception=None, context={}
        )

    def close(self) -> None:
        """Gives the orders that are followed a moment to end."""
        self._later.join(timeout=STOPS_WITHIN)
        self._later.kill()


class Customer(FastHttpUser):
    """One who has the shop open. `weight` and `fixed_count` are Locust's."""

    abstract = True
    network_timeout = 10.0
    connection_timeout = 3.0

    def on_start(self) -> None:
        self.plan: Run = self.environment.plan
        self.random = self.plan.random()

    def on_stop(self) -> None:
        self.browser.close()


class Visitor(Customer):
    """A shopper, who visits the shop again and again."""

    def on_start(self) -> None:
        super().on_start()
        name, token = next(self.plan.users, ("", ""))
        self.browser = LocustBrowser(self, token)
        if not name:
            raise StopUser  # there are more customers than `shop load` made names for
        self.shopper = Shopper(name, self.plan.urls, self.browser, self.plan.record, self.random)

    @task
    def visit(self) -> None:
        try:
            self.shopper.visit(mix.visit(self.random))
        except VisitEnded:
            self.browser.sleep(1)


class Manager(Customer):
    """The merchandiser."""

    fixed_count = 1

    def on_start(self) -> None:
        super().on_start()
        self.browser = LocustBrowser(self, self.plan.merchandiser)
        self.merchandiser = Merchandiser(self.plan.urls, self.browser, self.random)

    @task
    def change_a_price(self) -> None:
        self.merchandiser.change_a_price()

    def on_stop(self) -> None:
        self.merchandiser.put_back()
        super().on_stop()


@events.init_command_line_parser.add_listener
def add_arguments(parser: Any) -> None:
    parser.add_argument("--plan", required=True, include_in_web_ui=False, help="the plan of this run")


@events.init.add_listener
def read_plan(environment: Any, **_: Any) -> None:
    environment.plan = Run(Path(environment.parsed_options.plan))


@events.test_start.add_listener
def note_start(environment: Any, **_: Any) -> None:
    environment.plan.record.started(time.time())


def _object(text: str | None) -> dict[str, Any]:
    try:
        parsed = json.loads(text or "")
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
