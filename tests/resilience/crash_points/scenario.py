"""A case of the crash matrix: a process dies at one point, it is started again, and the customers do what they do."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from services.basket.wiring import Wiring
from tests import emulated
from tests.machine import free_port, wait_for
from tests.processes import eventually
from tests.resilience.client import FACTS, Web
from tests.resilience.crash_points import instrumented
from tests.resilience.crash_points.forked import Fork
from tests.resilience.crash_points.points import USERS, Crash, Point, Scene
from tests.resilience.invariants import Checkout, Evidence, Line, Outcome, Prices, Violation, audit, gather, pending
from tests.samples import product

QUIET_WITHIN = 30.0
PRODUCT = product("p-1", price=Decimal("12.30"))
PRICES = Prices()
PRICES.change(PRODUCT.id, PRODUCT.price, sent=0, acknowledged=0)


class Behaviour(StrEnum):
    """What a customer does after the crash, who may have heard nothing."""

    NO_RETRY = "no retry"
    SAME_KEY = "retry with the same key"
    SECOND_BASKET = "second basket"


class Customer:
    def __init__(self, name: str, basket: Web, behaviour: Behaviour) -> None:
        self.history: list[Checkout] = []
        self._name = name
        self._basket = basket
        self._behaviour = behaviour

    def fill(self) -> None:
        line = Line(PRODUCT.id, "Red", len(self.history) + 1)
        item = {"productId": line.product, "color": line.color, "quantity": line.quantity}
        assert self._basket.insist("POST", "/basket", {"userName": self._name, "items": [item]}) is not None
        ref = f"{self._name}-{len(self.history)}"
        self.history.append(Checkout(ref, ref, frozenset({line}), time.monotonic()))

    def check_out(self) -> None:
        self._hear(self._basket.ask("POST", "/basket/checkout", self._body, **self._key))

    def go_on(self) -> None:
        if self._behaviour is Behaviour.NO_RETRY:
            return
        if self._behaviour is Behaviour.SECOND_BASKET:
            self.fill()
        self._hear(self._basket.insist("POST", "/basket/checkout", self._body, **self._key))

    @property
    def _body(self) -> dict[str, Any]:
        return FACTS | {"userName": self._name, "address": self.history[-1].ref}

    @property
    def _key(self) -> dict[str, str]:
        """Who never retries needs none."""
        return {} if self._behaviour is Behaviour.NO_RETRY else {"Idempotency-Key": self.history[-1].ref}

    def _hear(self, answer: Any) -> None:
        checkout = self.history[-1]
        if answer is None:
            return
        assert answer.status == 202, answer.data
        checkout.ended = time.monotonic()
        checkout.outcome = Outcome.ACKNOWLEDGED
        checkout.answers.add(answer.data.decode())
        told = json.loads(answer.data, parse_float=Decimal, parse_int=Decimal)
        checkout.order_id, checkout.total = told["orderId"], told["totalPrice"]


class Case:
    """The shop with one process that will die; before it has, only who takes part in that is there."""

    def __init__(self, env: Mapping[str, str], logs: Path, point: Point) -> None:
        self.marker = logs / "died"
        self._stack = env["SHOP_NAME"]
        self._env = env
        self._logs = logs
        self._point = point
        basket = self._basket(env)
        self._forks = {fork.name: fork for fork in (basket, self._fork("relay", env), self._fork("consumer", env))}
        self.web = Web([basket.url], seed=1)

    def _basket(self, env: Mapping[str, str]) -> Fork:
        """For a relay that will die to have a whole batch, nobody else may reach the bus."""
        port = free_port()
        nowhere = {"AWS_ENDPOINT_URL_EVENTBRIDGE": f"http://127.0.0.1:{free_port()}"}
        own = {"PORT": str(port)} | (nowhere if self._point.victim == "relay" else {})
        return self._fork("basket", dict(env) | own, f"http://127.0.0.1:{port}")

    def _fork(self, name: str, env: Mapping[str, str], url: str = "") -> Fork:
        run = partial(getattr(instrumented, name), env, Crash(self._point, self.marker))
        return Fork(name, run, env, url)

    @contextmanager
    def open(self, behaviour: Behaviour) -> Iterator[list[Customer]]:
        try:
            self._start("basket")
            yield [Customer(f"user-{n}", self.web, behaviour) for n in range(USERS)]
        finally:
            for fork in self._forks.values():
                fork.sweep_up()

    def shop(self, customers: list[Customer]) -> None:
        """Where a worker shall die it finds a whole batch; where basket does, its first checkout kills it."""
        for customer in customers:
            customer.fill()
        for customer in customers:
            customer.check_out()
        if self._point.victim == "consumer":
            eventually(lambda: self.scene().queue == USERS)
        if self._point.victim == "relay":
            outbox = Wiring(self._env).outbox
            eventually(lambda: sum(map(len, outbox.pending(instrumented.MIN_AGE))) == USERS)
        if self._point.victim != "basket":
            self._start(self._point.victim)

    def death(self) -> int | None:
        """The victim's exit code."""
        return self._forks[self._point.victim].ended()

    def resurrect(self) -> None:
        self._start(*{self._point.victim, "relay", "consumer"})

    def scene(self) -> Scene:
        found = gather(self._stack)
        rest = dict(found.pending)
        baskets = emulated.client("dynamodb").scan(TableName=f"{self._stack}-basket", ConsistentRead=True)["Count"]
        scene = Scene(
            baskets, len(found.receipts), rest.pop("basket-outbox", 0), rest.pop("order", 0), len(found.orders)
        )
        assert not rest
        return scene

    def settled(self, history: list[Checkout]) -> tuple[list[Violation], Evidence]:
        """What the auditor still finds when all is quiet, or will not be."""
        deadline = time.monotonic() + QUIET_WITHIN
        while time.monotonic() < deadline and (pending(self._stack) or self._audit(history)[0]):
            time.sleep(0.2)
        return self._audit(history)

    def _audit(self, history: list[Checkout]) -> tuple[list[Violation], Evidence]:
        evidence = gather(self._stack)
        return audit(history, evidence, PRICES), evidence

    def _start(self, *names: str) -> None:
        forks = [self._forks[name] for name in names]
        for fork in forks:
            fork.start(self._logs)
        for fork in forks:
            if fork.url:
                wait_for(f"{fork.url}/health/live")
