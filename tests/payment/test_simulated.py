from datetime import timedelta
from decimal import Decimal

import pytest

from chassis.core.errors import Conflict, Unavailable
from services.basket.cards import APPROVED, TEST_CARDS
from services.payment.provider import Authorized, Declined, Voided
from services.payment.simulated import SimulatedProvider
from tests.fakes import FakeClock
from tests.payment.fakes import FakeLedger

AMOUNT = Decimal("36.90")


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def waited() -> list[float]:
    return []


@pytest.fixture
def provider(ledger: FakeLedger, clock: FakeClock, waited: list[float]) -> SimulatedProvider:
    return SimulatedProvider(ledger, late=90, timeout=1, clock=clock, wait=waited.append)


def test_same_key_gets_the_same_answer_and_holds_once(provider: SimulatedProvider, ledger: FakeLedger) -> None:
    first = provider.authorize("o-1", AMOUNT, "tok_approved")
    assert provider.authorize("o-1", AMOUNT, "tok_approved") == first
    assert provider.authorize("o-2", AMOUNT, "tok_approved") != first
    assert ledger.held() == {"o-1": AMOUNT, "o-2": AMOUNT}


@pytest.mark.parametrize("token", ["", APPROVED, *TEST_CARDS.values()])
def test_provider_knows_every_token_of_a_card(provider: SimulatedProvider, ledger: FakeLedger, token: str) -> None:
    """Each card holds money, is declined with its reason, or is not answered."""
    try:
        answers = provider.authorize("o-1", AMOUNT, token)
    except Unavailable:
        assert token in {"tok_silent", "tok_late", "tok_down"}
        assert len(ledger.held()) == (token != "tok_down")
        return
    declined = {"tok_declined": "PAYMENT_DECLINED", "tok_insufficient_funds": "PAYMENT_INSUFFICIENT_FUNDS"}
    assert len(answers) == (2 if token == "tok_twice" else 1)
    if token in declined:
        assert answers == [Declined(declined[token])]
        assert ledger.held() == {}
    else:
        assert all(isinstance(answer, Authorized) for answer in answers)


@pytest.mark.parametrize(("token", "answered"), [("tok_late", True), ("tok_silent", False)])
def test_missing_answer_takes_the_time_out_of_a_call(
    provider: SimulatedProvider, clock: FakeClock, waited: list[float], token: str, answered: bool
) -> None:
    for seconds in (0, 89.999):
        clock.now += timedelta(seconds=seconds)
        with pytest.raises(Unavailable):
            provider.authorize("o-1", AMOUNT, token)
    assert waited == [1, 1]
    clock.now += timedelta(seconds=1)
    if answered:
        assert len(provider.authorize("o-1", AMOUNT, token)) == 1
    else:
        clock.now += timedelta(days=365)
        with pytest.raises(Unavailable):
            provider.authorize("o-1", AMOUNT, token)


@pytest.mark.parametrize("token", ["tok_approved", "tok_late", "tok_silent", "tok_twice"])
def test_void_releases_what_is_held_and_what_comes_later(
    provider: SimulatedProvider, ledger: FakeLedger, token: str
) -> None:
    provider.void("o-1")
    provider.void("o-1")
    assert provider.authorize("o-1", AMOUNT, token) == [Voided()]
    assert ledger.held() == {}


def test_void_of_a_declined_payment_changes_nothing(provider: SimulatedProvider) -> None:
    provider.authorize("o-1", AMOUNT, "tok_declined")
    provider.void("o-1")
    assert provider.authorize("o-1", AMOUNT, "tok_declined") == [Declined("PAYMENT_DECLINED")]


def test_key_for_another_amount_is_a_conflict(provider: SimulatedProvider, ledger: FakeLedger) -> None:
    provider.authorize("o-1", AMOUNT, "tok_approved")
    with pytest.raises(Conflict):
        provider.authorize("o-1", AMOUNT + 1, "tok_approved")
    assert ledger.held() == {"o-1": AMOUNT}


def test_provider_that_is_down_answers_no_call(provider: SimulatedProvider, ledger: FakeLedger) -> None:
    ledger.down = True
    for call in (provider.check, lambda: provider.authorize("o-1", AMOUNT, ""), lambda: provider.void("o-1")):
        with pytest.raises(Unavailable):
            call()
    assert ledger.entries == {}
