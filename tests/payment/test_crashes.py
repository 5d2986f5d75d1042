"""The consumer's process dies at each step. SQS delivers its message again, or the state machine gives up and voids."""

from contextlib import suppress
from itertools import count

import pytest

from chassis.core.errors import Unavailable
from services.payment.models import Status
from tests.payment.fakes import Crash, PaymentShop, authorize_message, void_message

# Before and after each write: the row REQUESTED, the provider's ledger, the row AUTHORIZED, and the task's answer.
AUTHORIZE_STEPS, VOID_STEPS = 8, 6
CARDS = ["tok_approved", "tok_twice", "tok_declined"]


def fail_at(shop: PaymentShop, at: int, error: BaseException) -> None:
    seen = count()

    def step(_: str) -> None:
        if next(seen) == at:
            raise error

    shop.steps(step)


def steps(shop: PaymentShop, body: str) -> list[str]:
    seen: list[str] = []
    shop.steps(seen.append)
    assert shop.deliver(body)
    return seen


def crash(shop: PaymentShop, body: str, at: int) -> None:
    fail_at(shop, at, Crash())
    with pytest.raises(Crash):
        shop.deliver(body)
    shop.steps(lambda _: None)


def test_there_are_no_other_steps() -> None:
    shop = PaymentShop()
    assert len(steps(shop, authorize_message())) == AUTHORIZE_STEPS
    assert len(steps(shop, void_message())) == VOID_STEPS


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("at", range(AUTHORIZE_STEPS))
def test_authorization_after_a_crash_has_one_outcome(at: int, card: str) -> None:
    shop = PaymentShop()
    crash(shop, authorize_message(paymentToken=card), at)
    assert shop.deliver(authorize_message(paymentToken=card))
    expected = Status.DECLINED if card == "tok_declined" else Status.AUTHORIZED
    assert shop.statuses == (expected, expected)
    assert len({str(answer) for _, answer in shop.tasks.answers}) == 1
    assert len(shop.ledger.held()) == (expected is Status.AUTHORIZED)


@pytest.mark.parametrize("card", [*CARDS, "tok_silent", "tok_late"])
@pytest.mark.parametrize("at", range(AUTHORIZE_STEPS))
def test_void_after_a_crash_of_the_authorization_leaves_nothing_held(at: int, card: str) -> None:
    """The machine gave up, and the authorization expired before SQS delivered it again."""
    shop = PaymentShop()
    fail_at(shop, at, Crash())
    with suppress(Crash):
        shop.deliver(authorize_message(paymentToken=card))
    shop.steps(lambda _: None)
    assert shop.deliver(void_message())
    assert shop.ledger.held() == {}
    shop.clock.pass_(days=1)
    assert shop.deliver(authorize_message(paymentToken=card))
    assert shop.ledger.held() == {}
    assert shop.statuses[0] in {Status.VOIDED, Status.DECLINED}


@pytest.mark.parametrize("authorized", [False, True])
@pytest.mark.parametrize("at", range(VOID_STEPS))
def test_void_after_a_crash_is_completed(at: int, authorized: bool) -> None:
    shop = PaymentShop()
    if authorized:
        shop.deliver(authorize_message())
    fail_at(shop, at, Crash())
    with suppress(Crash):
        shop.deliver(void_message())
    shop.steps(lambda _: None)
    assert shop.deliver(void_message())
    assert shop.statuses[0] is Status.VOIDED
    assert shop.ledger.held() == {}
    assert shop.tasks.answers[-1] == ("t-2", {})


@pytest.mark.parametrize("at", range(AUTHORIZE_STEPS))
def test_lost_answer_of_any_write_only_delays_the_authorization(at: int) -> None:
    shop = PaymentShop()
    fail_at(shop, at, Unavailable("no answer"))
    assert not shop.deliver(authorize_message())
    assert shop.deliver(authorize_message())
    assert shop.statuses == (Status.AUTHORIZED, Status.AUTHORIZED)
    assert shop.dead.sent == []
