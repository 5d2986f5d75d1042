from collections.abc import Iterator
from decimal import Decimal
from itertools import count

import pytest

from chassis.core.errors import Conflict, NotFound, Unavailable
from chassis.messaging.commands import TaskRefused
from services.payment.models import Payment, Status
from services.payment.provider import Authorized, Declined, Voided
from services.payment.service import PaymentService
from tests.fakes import FakeClock
from tests.payment.fakes import DoubleProvider, FakePayments, PaymentShop, authorize, nothing, void

A, D, R, V = Status.AUTHORIZED, Status.DECLINED, Status.REQUESTED, Status.VOIDED


@pytest.fixture
def shop() -> PaymentShop:
    return PaymentShop()


def refusal(shop: PaymentShop, **data: str) -> str:
    with pytest.raises(TaskRefused) as caught:
        shop.service.authorize(authorize(**data))
    return caught.value.error


def test_authorized_payment_is_held_once_with_its_exact_amount(shop: PaymentShop) -> None:
    first = shop.service.authorize(authorize(amount="0.10"))
    assert shop.service.authorize(authorize(amount="0.1")) == first
    assert shop.statuses == (A, A)
    row = shop.service.get("ann", "o-1")
    assert (row.amount, row.authorizationId) == (Decimal("0.10"), first["authorizationId"])
    assert shop.ledger.held() == {"o-1": Decimal("0.1")}


def test_request_is_written_before_the_provider_is_called(shop: PaymentShop) -> None:
    seen: list[str] = []
    shop.steps(seen.append)
    shop.service.authorize(authorize())
    writes = [step for step in seen if step.startswith("before")]
    assert writes == ["before request", "before charge", "before settle"]


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("tok_declined", "PAYMENT_DECLINED"),
        ("tok_insufficient_funds", "PAYMENT_INSUFFICIENT_FUNDS"),
        ("tok_of_another_shop", "PAYMENT_DECLINED"),
    ],
)
def test_declined_payment_stays_declined_with_the_same_reason(shop: PaymentShop, token: str, reason: str) -> None:
    assert [refusal(shop, paymentToken=token) for _ in range(2)] == [reason] * 2
    assert shop.service.get("ann", "o-1").reason == reason
    assert shop.service.void(void()) == {}
    assert refusal(shop, paymentToken=token) == reason
    assert shop.statuses == (D, D)


@pytest.mark.parametrize("token", ["tok_approved", "tok_declined"])
def test_repeated_command_is_answered_while_the_provider_is_down(shop: PaymentShop, token: str) -> None:
    def outcome() -> object:
        try:
            return shop.service.authorize(authorize(paymentToken=token))
        except TaskRefused as refused:
            return refused.error

    first = outcome()
    shop.ledger.down = True
    assert outcome() == first


def test_void_releases_the_money_permanently(shop: PaymentShop) -> None:
    shop.service.authorize(authorize())
    assert [shop.service.void(void()) for _ in range(2)] == [{}, {}]
    assert refusal(shop) == "PAYMENT_VOIDED"
    assert (shop.statuses, shop.ledger.held()) == ((V, V), {})


def test_void_before_the_authorization_refuses_it_without_calling_the_provider(shop: PaymentShop) -> None:
    shop.ledger.down = True
    assert [shop.service.void(void()) for _ in range(2)] == [{}, {}]
    assert refusal(shop) == "PAYMENT_VOIDED"
    assert shop.statuses == (V, None)
    assert shop.service.get("ann", "o-1").amount is None


def test_second_void_keeps_the_time_of_the_first(shop: PaymentShop) -> None:
    shop.service.void(void())
    shop.clock.pass_(seconds=5)
    shop.service.void(void())
    assert shop.service.get("ann", "o-1").changedAt == "2026-11-21T09:30:00.123Z"


@pytest.mark.parametrize("token", ["tok_silent", "tok_late", "tok_down"])
def test_provider_that_does_not_answer_leaves_the_payment_requested(shop: PaymentShop, token: str) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        shop.service.authorize(authorize(paymentToken=token))
    assert shop.statuses[0] is R
    shop.service.void(void())
    assert shop.ledger.held() == {}
    assert refusal(shop, paymentToken=token) == "PAYMENT_VOIDED"


def test_late_answer_is_taken_if_somebody_still_asks(shop: PaymentShop) -> None:
    with pytest.raises(Unavailable):
        shop.service.authorize(authorize(paymentToken="tok_late"))
    assert shop.statuses == (R, A)
    shop.clock.pass_(seconds=91)
    assert shop.service.authorize(authorize(paymentToken="tok_late"))["authorizationId"].startswith("auth_")
    assert shop.statuses == (A, A)


def test_answer_that_comes_twice_counts_once(shop: PaymentShop) -> None:
    writes: list[str] = []
    shop.steps(writes.append)
    shop.service.authorize(authorize(paymentToken="tok_twice"))
    assert writes.count("after settle") == 2
    assert (shop.statuses, len(shop.ledger.held())) == ((A, A), 1)


def with_provider(*answers: Authorized | Declined | Voided) -> tuple[PaymentService, DoubleProvider, FakePayments]:
    provider, payments = DoubleProvider(*answers), FakePayments()
    return PaymentService(payments, provider, FakeClock()), provider, payments


def requested() -> Payment:
    return Payment(userName="ann", orderId="o-1", status=R, amount=Decimal(1), requestedAt="x", changedAt="x")


@pytest.mark.parametrize("before", [V, D])
def test_authorization_that_comes_too_late_is_voided_at_the_provider(before: Status) -> None:
    service, provider, payments = with_provider()
    payments.rows["ann", "o-1"] = requested().model_copy(update={"status": before})
    assert service.settle(requested(), Authorized("a-1")).status is before
    assert provider.calls == [("void", "o-1")]


def test_second_authorization_changes_nothing() -> None:
    service, provider, payments = with_provider()
    payments.rows["ann", "o-1"] = requested()
    for number in (1, 2):
        service.settle(requested(), Authorized(f"a-{number}"))
    assert payments.rows["ann", "o-1"].authorizationId == "a-1"
    assert provider.calls == []


def test_payment_that_somebody_voided_at_the_provider_is_void_here() -> None:
    service, _, payments = with_provider(Voided())
    with pytest.raises(TaskRefused, match="PAYMENT_VOIDED"):
        service.authorize(authorize())
    assert payments.rows["ann", "o-1"].status is V


def test_another_amount_for_the_same_order_is_a_conflict(shop: PaymentShop) -> None:
    shop.service.authorize(authorize())
    with pytest.raises(Conflict, match="another amount"):
        shop.service.authorize(authorize(amount="36.91"))
    assert shop.ledger.held() == {"o-1": Decimal("36.90")}


def test_payment_of_an_unknown_order_is_not_found(shop: PaymentShop) -> None:
    with pytest.raises(NotFound, match="ann has no payment for order o-1"):
        shop.service.get("ann", "o-1")


# ── Races: one command runs to its end at each step of the other ──


def advance(seen: Iterator[int]) -> None:
    next(seen)


def steps_of(command: str) -> int:
    shop, seen = PaymentShop(), count()
    if command == "void":
        shop.service.authorize(authorize())
    shop.steps(lambda _: advance(seen))
    run(shop, command)
    return next(seen)


def run(shop: PaymentShop, command: str) -> None:
    if command == "void":
        shop.service.void(void())
        return
    try:
        shop.service.authorize(authorize())
    except TaskRefused as refused:
        assert refused.error == "PAYMENT_VOIDED"  # noqa: PT017 both outcomes are right


def interrupted(shop: PaymentShop, command: str, at: int, other: str) -> None:
    """Runs `command`, and `other` within its step number `at`."""
    seen = count()

    def step(_: str) -> None:
        if next(seen) == at:
            shop.steps(nothing)
            run(shop, other)

    shop.steps(step)
    run(shop, command)


@pytest.mark.parametrize("at", range(6))
def test_void_at_any_step_of_an_authorization_wins(shop: PaymentShop, at: int) -> None:
    assert steps_of("authorize") == 6
    interrupted(shop, "authorize", at, "void")
    assert shop.statuses[0] is V
    assert shop.ledger.held() == {}
    assert refusal(shop) == "PAYMENT_VOIDED"


@pytest.mark.parametrize("authorized_before", [False, True])
@pytest.mark.parametrize("at", range(4))
def test_authorization_at_any_step_of_a_void_does_not_undo_it(
    shop: PaymentShop, at: int, authorized_before: bool
) -> None:
    assert steps_of("void") == 4
    if authorized_before:
        shop.service.authorize(authorize())
    interrupted(shop, "void", at, "authorize")
    assert shop.statuses[0] is V
    assert shop.ledger.held() == {}
