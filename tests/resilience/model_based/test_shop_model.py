"""Units and money add up, whatever goes wrong: every piece lies in a basket, was thrown away, or is in one order.

The same machine runs in memory, where a thousand ways of failing cost nothing, and on the real stores.
"""

import itertools
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from chassis.core.errors import Unavailable
from services.basket.checkout import CheckoutInput
from services.basket.models import LineInput
from services.basket.service import BasketService
from services.basket.wiring import Wiring
from tests.fakes import FakeBus, FakeCatalogue
from tests.resilience.fault_injection import wire
from tests.resilience.fault_injection.faults import Fault, always
from tests.resilience.fault_injection.proxy import proxy_of
from tests.resilience.model_based.backends import in_memory, on_tables
from tests.resilience.model_based.fault_schedule import Fate, Kind
from tests.resilience.model_based.ledger import checkout_of
from tests.resilience.model_based.operations import (
    PRODUCTS,
    Add,
    Blows,
    CheckOut,
    Deed,
    additions,
    amid,
    blows,
    checkouts,
    edits,
    fates,
    prices,
)
from tests.resilience.model_based.shop_model import Market
from tests.samples import CHECKOUT

PUT = "DynamoDB_20120810.PutItem"
runs = itertools.count(1)
users = st.sampled_from([0, 0, 1])


class Conservation(RuleBasedStateMachine):
    stalls: ClassVar = staticmethod(in_memory)

    def __init__(self) -> None:
        super().__init__()
        run = next(runs)
        self.users = [f"ada-{run}", f"bob-{run}"]
        self.market = Market(self.stalls(), self.users)
        for n, product in enumerate(PRODUCTS, start=1):
            self.market.list_(product, Decimal(n) * Decimal("9.99"))

    @rule(who=users, deed=edits, blows=blows)
    def someone_changes_a_basket(self, who: int, deed: Deed, blows: Blows) -> None:
        self._do(who, deed, blows)

    @rule(who=users, deed=checkouts, blows=blows)
    def someone_checks_out(self, who: int, deed: Deed, blows: Blows) -> None:
        self._do(who, deed, blows)

    @rule(who=users, first=additions, deed=checkouts, blows=blows)
    def someone_fills_a_basket_and_checks_it_out(self, who: int, first: Deed, deed: Deed, blows: Blows) -> None:
        self._do(who, first, {})
        self._do(who, deed, blows)

    def _do(self, who: int, deed: Deed, blows: Blows) -> None:
        user = self.users[who]
        with self.market.amid(amid(self.market, user, blows, deed)):
            deed(self.market, user)

    @rule(price=prices)
    def a_price_changes(self, price: Deed) -> None:
        price(self.market, "")

    @rule(blows=blows)
    def the_relay_sweeps(self, blows: Blows) -> None:
        with self.market.amid(amid(self.market, self.users[0], blows)):
            self.market.relay()

    @rule(picks=st.lists(st.integers(0, 9), max_size=6), fates=st.lists(fates, max_size=3), forget=st.booleans())
    def messages_are_delivered(self, picks: list[int], fates: list[Fate], forget: bool) -> None:
        self.market.deliver(picks, fates, forget=forget)

    @rule()
    def a_day_passes(self) -> None:
        self.market.pass_a_day()

    @invariant()
    def units_add_up(self) -> None:
        self.market.balance()

    def teardown(self) -> None:
        self.market.close()


def test_units_and_money_add_up_whatever_goes_wrong() -> None:
    many = settings(max_examples=150, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(Conservation, settings=many)


@pytest.mark.integration
def test_units_and_money_add_up_on_real_tables(stack: Mapping[str, str]) -> None:
    class OnTables(Conservation):
        stalls = staticmethod(lambda: on_tables(stack))

    few = settings(max_examples=10, stateful_step_count=20, deadline=None)
    run_state_machine_as_test(OnTables, settings=few)


# ── What the machine finds too seldom ──

ANOTHER_CHECKOUT: Deed = CheckOut(None, "A", agreed=False)
MORE, ONE = Add("phone", "", 3), Add("phone", "", 1)


@pytest.mark.parametrize("before", [[], [ONE]])
@pytest.mark.parametrize("since", [(), (MORE,)])
@pytest.mark.parametrize("fate", [Fate.LOST, Fate.DIES_AFTER])
def test_a_line_whose_answer_was_lost_and_that_was_ordered_since_is_not_added_again(
    before: list[Deed], since: tuple[Deed, ...], fate: Fate
) -> None:
    """Neither to no basket nor to a new one: the look-up, the read and the write it takes, then others are quick."""
    market = Market(in_memory(), ["ada"])
    market.list_("phone", Decimal("9.99"))
    for deed in before:
        deed(market, "ada")
    others = Fate.FINE, (ANOTHER_CHECKOUT, *since)
    blows: Blows = {Kind.WRITE: [(fate, ())], Kind.READ: [(Fate.FINE, ()), (Fate.FINE, ()), others]}
    with market.amid(amid(market, "ada", blows)):
        ONE(market, "ada")
    market.close()


@pytest.mark.integration
@pytest.mark.parametrize(("before", "since"), [(1, 0), (1, 1), (0, 1)])
def test_a_line_that_was_ordered_before_botocore_sent_it_again_is_not_added_again(
    stack: Mapping[str, str], before: int, since: int
) -> None:
    """The first try took effect, the second finds no row or another one: a no that is none."""
    straight, line = shop_on(stack), LineInput(productId="phone", quantity=1)
    for _ in range(before):
        straight.add("swn", line)

    def others_are_quick(request: wire.Message, answer: wire.Message) -> None:
        if request.operation == PUT and proxy.rules:
            proxy.rules = {}
            straight.checkout(CheckoutInput.model_validate(CHECKOUT))
            for _ in range(since):
                straight.add("swn", line)

    with proxy_of(stack["AWS_ENDPOINT_URL"], observe=others_are_quick) as proxy:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", proxy.url)
            slow = shop_on(dict(stack))
        proxy.rules = always(Fault.LOST_ANSWER, PUT)
        with pytest.raises(Unavailable, match="not known"):
            slow.add("swn", line)
    waiting = [pending.event for page in Wiring(stack).outbox.pending(-1) for pending in page if pending.event]
    assert [item.quantity for event in waiting for item in checkout_of(event).items] == [before + 1]
    basket = straight.get("swn") if since else None
    assert [item.quantity for item in (basket.items if basket else [])] == [1] * since


def shop_on(env: Mapping[str, str]) -> BasketService:
    catalogue, new_id = FakeCatalogue(phone="9.99"), lambda: str(uuid.uuid4())
    return BasketService(Wiring(env).store, catalogue, Wiring(env).outbox, FakeBus("is down"), new_id)
