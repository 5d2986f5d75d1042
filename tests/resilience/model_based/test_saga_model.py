"""Random cancellations, crashes and time-outs: every order becomes final, and stock and money agree with it."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from hypothesis import seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.ordering.machine import definition
from tests.resilience.model_based.fault_schedule import Effect, Fault
from tests.resilience.model_based.saga_model import PRODUCTS, WAYS, SagaModel
from tests.resilience.sampling import SEED, repeated

BATCHES = 5  # of examples, at most
QUEUES = ("shop-order", "shop-order-commands", "shop-stock", "shop-payment")
CARDS = (
    "tok_approved",
    "tok_approved",
    "tok_declined",
    "tok_insufficient_funds",
    "tok_silent",
    "tok_late",
    "tok_twice",
    "",
)

queues = st.sampled_from(QUEUES)
picks = st.integers(0, 9)
users = st.sampled_from(["ann", "bob"])
lines = st.dictionaries(st.sampled_from(PRODUCTS), st.integers(1, 4), min_size=1)
effects = st.sampled_from([Effect.NONE] * 8 + list(Effect))
# What another process or client does in the middle of an operation: a delivery, or a cancellation.
others = st.one_of(
    st.tuples(st.just("deliver"), queues, picks),
    st.tuples(st.just("cancel"), queues, picks),
    st.none(),
    st.none(),
    st.none(),
)
faults = st.lists(st.tuples(effects, others), max_size=6)
Other = tuple[str, str, int] | None
Faults = list[tuple[Effect, Other]]


class SagaMachine(RuleBasedStateMachine):
    visited: ClassVar[set[str]] = set()
    ends: ClassVar[Counter[tuple[str, ...]]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.shop = SagaModel()
        for product in PRODUCTS[:2]:
            self.shop.set_level(product, 6)

    @rule(user=users, lines=lines, card=st.sampled_from(CARDS))
    def place(self, user: str, lines: dict[str, int], card: str) -> None:
        self.shop.place(user, lines, card)

    @rule(queue=queues, pick=picks, faults=faults, delete=st.sampled_from([True, True, True, False]))
    def deliver(self, queue: str, pick: int, faults: Faults, delete: bool) -> None:
        self._with(faults, partial(self.shop.deliver, queue, pick, delete=delete))

    @rule(picks=st.lists(st.tuples(queues, picks, st.sampled_from([True, True, True, False])), min_size=4, max_size=12))
    def deliver_many(self, picks: list[tuple[str, int, bool]]) -> None:
        """Orders get on, so that the other rules meet them at every step."""
        for queue, pick, delete in picks:
            self.shop.deliver(queue, pick, delete=delete)

    @rule(pick=picks, faults=faults)
    def cancel(self, pick: int, faults: Faults) -> None:
        self._with(faults, partial(self._cancel, pick))

    @rule(product=st.sampled_from(PRODUCTS[:2]), available=st.integers(0, 9), faults=faults)
    def set_level(self, product: str, available: int, faults: Faults) -> None:
        self._with([(effect, None) for effect, _ in faults], partial(self.shop.set_level, product, available))

    @rule(seconds=st.sampled_from([1.0, 61.0, 130.0, 1000.0]))
    def pass_time(self, seconds: float) -> None:
        self.shop.pass_time(seconds)

    @rule(faults=faults)
    def tick(self, faults: Faults) -> None:
        self._with(faults, self.shop.tick)

    @rule(faults=faults)
    def relay(self, faults: Faults) -> None:
        self._with(faults, self.shop.relay)

    @rule(queue=queues)
    def drop_expired(self, queue: str) -> None:
        self.shop.drop_expired(queue)

    @rule()
    def lose_executions(self) -> None:
        self.shop.machine.lose_executions()

    @rule(down=st.booleans())
    def provider(self, down: bool) -> None:
        self.shop.ledger.down = down

    def _with(self, faults: Faults, do: Callable[[], None]) -> None:
        self.shop.with_faults([Fault(effect, self._act(other)) for effect, other in faults], do)

    def _act(self, other: Other) -> tuple[partial[None], ...]:
        if other is None:
            return ()
        what, queue, pick = other
        return (partial(self._cancel, pick) if what == "cancel" else partial(self.shop.deliver, queue, pick),)

    def _cancel(self, pick: int) -> None:
        if orders := self.shop.orders:
            self.shop.cancel(orders[pick % len(orders)])

    @invariant()
    def pieces_add_up(self) -> None:
        self.shop.check_pieces()

    def teardown(self) -> None:
        self.shop.ledger.down = False
        self.shop.finish()
        self.visited.update(self.shop.machine.visited)
        self.ends.update(tuple(change.status for change in order.history) for order in self.shop.orders)


def test_every_order_becomes_final_and_stock_and_money_agree_with_it() -> None:
    """Some ways are rare, so there are more examples until each was taken."""
    for batch in range(BATCHES):
        run_state_machine_as_test(
            seed(SEED + batch)(SagaMachine),
            settings=settings(max_examples=repeated(300), stateful_step_count=40, deadline=None),
        )
        if SagaMachine.visited == definition()["States"].keys() and len(SagaMachine.ends) == len(WAYS):
            break
    assert SagaMachine.visited == definition()["States"].keys(), "no example passed through the other states"
    assert len(SagaMachine.ends) == len(WAYS), f"no order took the other ways: {SagaMachine.ends}"
