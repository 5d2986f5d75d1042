"""One case: a process crashes at one point while customers check out, and is started again."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from enum import StrEnum
from functools import partial
from itertools import chain
from pathlib import Path

from chassis.messaging.outbox import PendingEvent
from services.basket.wiring import Wiring
from tests import aws_clients
from tests.environment import free_port, wait_for
from tests.processes import eventually
from tests.resilience.client import ServiceClient, check_out, fill
from tests.resilience.crash_points import instrumented
from tests.resilience.crash_points.forked import Fork
from tests.resilience.crash_points.points import USERS, Crash, Point, Snapshot
from tests.resilience.evidence import gather
from tests.resilience.invariants import Checkout, Line, Prices, Violation, settle
from tests.samples import product

QUIET_WITHIN = 30.0  # seconds
PRODUCT = product("p-1", price=Decimal("12.30"))
PRICES = Prices()
PRICES.change(PRODUCT.id, PRODUCT.price, sent=0, acknowledged=0)


class Behaviour(StrEnum):
    """What a customer without an answer does after the crash."""

    NO_RETRY = "no retry"
    SAME_KEY = "retry with the same key"
    SECOND_BASKET = "second basket"


class Customer:
    """Sends idempotency keys unless it never retries."""

    def __init__(self, name: str, basket: ServiceClient, behaviour: Behaviour) -> None:
        self.history: list[Checkout] = []
        self._name = name
        self._basket = basket
        self._behaviour = behaviour
        self._key = behaviour is not Behaviour.NO_RETRY

    def fill(self) -> None:
        lines = frozenset({Line(PRODUCT.id, "Red", len(self.history) + 1)})
        assert fill(self._basket.insist, self._name, lines) is not None
        ref = f"{self._name}-{len(self.history)}"
        self.history.append(Checkout(ref, ref, lines, time.monotonic()))

    def check_out(self) -> None:
        check_out(self._basket.ask, self._name, self.history[-1], key=self._key)

    def go_on(self) -> None:
        if self._behaviour is Behaviour.NO_RETRY:
            return
        if self._behaviour is Behaviour.SECOND_BASKET:
            self.fill()
        check_out(self._basket.insist, self._name, self.history[-1])


class Scenario:
    """Until the crash only the processes run that the crash point needs."""

    def __init__(self, env: Mapping[str, str], logs: Path, point: Point) -> None:
        self.marker = logs / "crashed"
        self._answered = logs / "answered"
        self._shop = env["SHOP_NAME"]
        self._env = env
        self._logs = logs
        self._point = point
        basket = self._basket(env)
        self._forks = {fork.name: fork for fork in (basket, self._fork("relay", env), self._fork("consumer", env))}
        self.client = ServiceClient(basket.url, seed=1)

    def _basket(self, env: Mapping[str, str]) -> Fork:
        """Without the bus if the relay shall crash, so that the relay finds a whole batch."""
        port = free_port()
        no_bus = {"AWS_ENDPOINT_URL_EVENTBRIDGE": f"http://127.0.0.1:{free_port()}"}
        own = {"PORT": str(port)} | (no_bus if self._point.process == "relay" else {})
        return self._fork("basket", dict(env) | own, f"http://127.0.0.1:{port}")

    def _fork(self, name: str, env: Mapping[str, str], url: str = "") -> Fork:
        run = partial(getattr(instrumented, name), env, Crash(self._point, self.marker, self._answered))
        return Fork(name, run, env, url)

    @contextmanager
    def open(self, behaviour: Behaviour) -> Iterator[list[Customer]]:
        try:
            self._start("basket")
            yield [Customer(f"user-{n}", self.client, behaviour) for n in range(USERS)]
        finally:
            for fork in self._forks.values():
                fork.kill_if_running()

    def shop_until_crash(self, customers: list[Customer]) -> int | None:
        """The exit code. The first checkout crashes basket; a worker finds a whole batch and crashes in it."""
        for customer in customers:
            customer.fill()
        for customer in customers[: self._point.answered or USERS]:
            customer.check_out()
        self._answered.touch()
        if self._point.process == "consumer":
            eventually(lambda: self.snapshot().queue == USERS)
        if self._point.process == "relay":
            outbox = Wiring(self._env).outbox
            eventually(lambda: [*map(_is_due, chain.from_iterable(outbox.pending()))] == [True] * USERS)
        if self._point.process != "basket":
            self._start(self._point.process)
        return self._forks[self._point.process].exit_code()

    def restart(self) -> None:
        self._start(*{self._point.process, "relay", "consumer"})

    def snapshot(self) -> Snapshot:
        found = gather(self._shop)
        rest = dict(found.pending)
        baskets = aws_clients.client("dynamodb").scan(TableName=f"{self._shop}-basket", ConsistentRead=True)["Count"]
        outbox, queue = rest.pop("basket-outbox", 0), rest.pop("order", 0)
        assert not rest
        return Snapshot(baskets, len(found.receipts), outbox, queue, len(found.orders))

    def settle(self, history: list[Checkout]) -> list[Violation]:
        return settle(self._shop, history, PRICES, QUIET_WITHIN)[0]

    def _start(self, *names: str) -> None:
        forks = [self._forks[name] for name in names]
        for fork in forks:
            fork.start(self._logs)
        for fork in forks:
            if fork.url:
                wait_for(f"{fork.url}/health/live")


def _is_due(row: PendingEvent) -> bool:
    return not row.due_in(instrumented.MIN_AGE)
