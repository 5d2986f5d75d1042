"""Random operations under random faults: units and money are conserved, and every checkout makes one order.

The same state machine runs in memory, where thousands of faults cost nothing, and on the real stores.
"""

import itertools
from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.resilience.model_based import operations
from tests.resilience.model_based.backends import in_memory, on_tables
from tests.resilience.model_based.fault_schedule import Call, Effect
from tests.resilience.model_based.operations import PRODUCTS, Add, CheckOut, Faults, Operation, schedule
from tests.resilience.model_based.shop_model import ShopModel
from tests.resilience.sampling import repeated

runs = itertools.count(1)
users = st.sampled_from([0, 0, 1])


class ShopMachine(RuleBasedStateMachine):
    backends: ClassVar = staticmethod(in_memory)

    def __init__(self) -> None:
        super().__init__()
        run = next(runs)
        self.users = [f"ada-{run}", f"bob-{run}"]
        self.shop = ShopModel(self.backends(), self.users)
        for n, product in enumerate(PRODUCTS, start=1):
            self.shop.set_price(product, Decimal(n) * Decimal("9.99"))

    @rule(user=users, operation=operations.edits, faults=operations.faults)
    def edit(self, user: int, operation: Operation, faults: Faults) -> None:
        self._run(user, operation, faults)

    @rule(user=users, operation=operations.checkouts, faults=operations.faults)
    def check_out(self, user: int, operation: Operation, faults: Faults) -> None:
        self._run(user, operation, faults)

    @rule(user=users, first=operations.additions, operation=operations.checkouts, faults=operations.faults)
    def fill_and_check_out(self, user: int, first: Operation, operation: Operation, faults: Faults) -> None:
        self._run(user, first, {})
        self._run(user, operation, faults)

    def _run(self, user: int, operation: Operation, faults: Faults) -> None:
        name = self.users[user]
        with self.shop.with_faults(schedule(self.shop, name, faults, operation)):
            operation(self.shop, name)

    @rule(price=operations.prices)
    def set_price(self, price: Operation) -> None:
        price(self.shop, "")

    @rule(faults=operations.faults)
    def relay(self, faults: Faults) -> None:
        with self.shop.with_faults(schedule(self.shop, self.users[0], faults)):
            self.shop.relay()

    @rule(
        picks=st.lists(st.integers(0, 9), max_size=6),
        effects=st.lists(operations.effects, max_size=3),
        delete=st.booleans(),
    )
    def deliver(self, picks: list[int], effects: list[Effect], delete: bool) -> None:
        self.shop.deliver(picks, effects, delete=delete)

    @rule()
    def pass_a_day(self) -> None:
        self.shop.pass_a_day()

    @invariant()
    def units_are_conserved(self) -> None:
        self.shop.check_units()

    def teardown(self) -> None:
        self.shop.finish()


def test_units_and_money_are_conserved_under_any_faults() -> None:
    run_state_machine_as_test(
        ShopMachine, settings=settings(max_examples=repeated(450), stateful_step_count=30, deadline=None)
    )


@pytest.mark.integration
def test_units_and_money_are_conserved_on_real_tables(stack: Mapping[str, str]) -> None:
    class OnTables(ShopMachine):
        backends = staticmethod(lambda: on_tables(stack))

    run_state_machine_as_test(
        OnTables, settings=settings(max_examples=repeated(30), stateful_step_count=20, deadline=None)
    )


# ── What the state machine finds too seldom ──

CHECK_OUT: Operation = CheckOut(None, "A", with_expected_total=False)
THREE, ONE = Add("phone", "", 3), Add("phone", "", 1)


@pytest.mark.parametrize("before", [[], [ONE]])
@pytest.mark.parametrize("since", [(), (THREE,)])
@pytest.mark.parametrize("effect", [Effect.LOST, Effect.CRASH_AFTER])
def test_a_line_that_was_ordered_after_a_lost_answer_is_not_added_again(
    before: list[Operation], since: tuple[Operation, ...], effect: Effect
) -> None:
    """The checkout comes after the look-up, the read and the write of the request whose answer is lost."""
    shop = ShopModel(in_memory(), ["ada"])
    shop.set_price("phone", Decimal("9.99"))
    for operation in before:
        operation(shop, "ada")
    others = Effect.NONE, (CHECK_OUT, *since)
    faults: Faults = {Call.WRITE: [(effect, ())], Call.READ: [(Effect.NONE, ()), (Effect.NONE, ()), others]}
    with shop.with_faults(schedule(shop, "ada", faults)):
        ONE(shop, "ada")
    shop.finish()
