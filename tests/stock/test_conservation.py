"""Pieces are never lost or made: available, reserved and sold pieces add up to what was put in, whatever happens."""

import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from chassis.core.errors import Unavailable
from chassis.messaging.commands import TaskRefused
from services.stock.models import State, StockRow
from services.stock.service import Stock
from services.stock.wiring import Wiring
from tests.fakes import WriteEffect, after, answer_lost, cancelled, never_arrived, refused
from tests.stock_fakes import FakeStock, StockShop, confirmed, release, reserve

PRODUCTS = ["tea", "cup", "pot"]
ORDERS = ["o-1", "o-2", "o-3", "o-4"]
FAULTS: list[WriteEffect] = [answer_lost, never_arrived, cancelled, refused]

products = st.sampled_from(PRODUCTS)
orders = st.sampled_from(ORDERS)
pieces = st.dictionaries(products, st.integers(1, 6), min_size=1)
faults = st.lists(st.sampled_from(FAULTS), max_size=2)
Message = tuple[str, str, dict[str, int]]
messages: st.SearchStrategy[Message] = st.one_of(
    st.tuples(st.just("reserve"), orders, pieces),
    st.tuples(st.just("release"), orders, st.just({})),
    st.tuples(st.just("sell"), orders, st.just({})),
)


class Conservation(RuleBasedStateMachine):
    """Any sequence of messages and levels, with faults, and with another message in the middle of one."""

    stock: Callable[[], Stock] = FakeStock

    def __init__(self) -> None:
        super().__init__()
        self.shop = StockShop(type(self).stock())
        self.run = uuid.uuid4().hex  # so that examples can share tables
        self.put_in = dict.fromkeys(PRODUCTS, 0)
        self.answers: dict[str, set[str]] = {order: set() for order in ORDERS}

    @rule(product=products, available=st.integers(0, 10), faults=faults)
    def set_level(self, product: str, available: int, faults: list[WriteEffect]) -> None:
        before = self._row(product)
        self.shop.stock.effects.extend(faults)
        with suppress(Unavailable):
            self.shop.service.set_available(self._name(product), available)
        self.shop.stock.recover()
        now = self._row(product)
        if now and now.revision != (before and before.revision):
            assert now.previousAvailable == (before.available if before else None)
            self.put_in[product] += available - (now.previousAvailable or 0)

    @rule(message=messages, faults=faults)
    def deliver(self, message: Message, faults: list[WriteEffect]) -> None:
        """Until it is handled, as a queue does."""
        self.shop.stock.effects.extend(faults)
        self._handle(message)
        self.shop.stock.recover()

    @rule(message=messages, other=messages)
    def deliver_two_at_once(self, message: Message, other: Message) -> None:
        self.shop.stock.effects.append(after(lambda: self._handle(other)))
        self._handle(message)
        self.shop.stock.recover()

    @invariant()
    def pieces_add_up(self) -> None:
        held = {State.RESERVED: dict.fromkeys(PRODUCTS, 0), State.SOLD: dict.fromkeys(PRODUCTS, 0)}
        for order in ORDERS:
            found = self.shop.service._stock.reservation(self._name(order))
            if found and found.state in held:
                for product in PRODUCTS:
                    held[found.state][product] += found.taken.get(self._name(product), 0)
        for product in PRODUCTS:
            row = self._row(product)
            counted = (row.available, row.reserved, row.sold) if row else (0, 0, 0)
            assert min(counted) >= 0
            assert sum(counted) == self.put_in[product]
            assert counted[1:] == (held[State.RESERVED][product], held[State.SOLD][product])

    @invariant()
    def released_order_stays_released(self) -> None:
        for order, answers in self.answers.items():
            found = self.shop.service._stock.reservation(self._name(order))
            assert "released" not in answers or (found and found.state is State.RELEASED)
            assert "reserved" not in answers or found

    def _handle(self, message: Message) -> None:
        kind, order, wanted = message
        name, named = self._name(order), {self._name(product): count for product, count in wanted.items()}
        calls: dict[str, Callable[[], Any]] = {
            "reserve": lambda: self.shop.service.reserve(reserve(name, **named)),
            "release": lambda: self.shop.service.release(release(name)),
            "sell": lambda: self.shop.service.sell(confirmed(name)),
        }
        for _ in range(10):
            try:
                calls[kind]()
            except TaskRefused as refusal:
                assert kind == "reserve"
                self.answers[order].add(refusal.error)
                return
            except Unavailable:
                continue
            self.answers[order] |= {"reserve": {"reserved"}, "release": {"released"}, "sell": set()}[kind]
            return
        pytest.fail("never handled")

    def _name(self, name: str) -> str:
        return f"{name}-{self.run}"

    def _row(self, product: str) -> StockRow | None:
        return self.shop.service._stock.level(self._name(product))


def run(stock: Callable[[], Stock], examples: int, steps: int) -> None:
    class Here(Conservation):
        pass

    Here.stock = staticmethod(stock)
    limits = settings(
        max_examples=examples,
        stateful_step_count=steps,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(Here, settings=limits)


def test_pieces_add_up_after_any_sequence_of_messages_levels_and_faults() -> None:
    run(FakeStock, 50, 15)


@pytest.mark.integration
def test_pieces_add_up_on_the_emulator(stack: Mapping[str, str]) -> None:
    store = Wiring(stack).store
    run(lambda: store, 8, 12)
