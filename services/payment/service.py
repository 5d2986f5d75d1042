"""The use cases of the payment service. What was voided stays void, and what was declined stays declined."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol

import structlog

from chassis.core import instants
from chassis.core.errors import Conflict, NotFound
from chassis.messaging.commands import TaskRefused
from services.payment.commands_in import AuthorizePayment, VoidPayment
from services.payment.models import Payment, Status
from services.payment.provider import DECLINED, Answer, Authorized, Declined, PaymentProvider

VOIDED = "PAYMENT_VOIDED"

log = structlog.stdlib.get_logger(__name__)


class Payments(Protocol):
    """The storage that this service needs. `store.PaymentStore` implements it on DynamoDB.

    Each write returns the stored row, which another writer may have made.
    """

    def get(self, user_name: str, order_id: str) -> Payment | None: ...

    def request(self, payment: Payment) -> Payment:
        """Writes the row if there is none."""
        ...

    def settle(self, payment: Payment) -> Payment:
        """Writes the row if the stored one is REQUESTED."""
        ...

    def void(self, user_name: str, order_id: str, now: str) -> Payment:
        """Makes the row VOIDED, or creates it so, unless it is DECLINED."""
        ...


class PaymentService:
    """Commands may be repeated, may overtake each other, and may end at any step. Their provider's key is the order ID.

    Every method raises Unavailable if the database or the provider does not answer.
    """

    def __init__(
        self,
        payments: Payments,
        provider: PaymentProvider,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._payments = payments
        self._provider = provider
        self._clock = clock

    def get(self, user_name: str, order_id: str) -> Payment:
        payment = self._payments.get(user_name, order_id)
        if payment is None:
            raise NotFound(f"{user_name} has no payment for order {order_id}. A new order's payment takes a moment.")
        return payment

    def authorize(self, command: AuthorizePayment) -> Mapping[str, str]:
        """Raises TaskRefused if the payment was declined or voided, now or before, and Conflict for another amount.

        REQUESTED is written before the provider is called. A void that finds no row then knows that nothing is held.
        """
        payment = self._payments.request(self._requested(command))
        _check_amount(payment, command.amount)
        if payment.status is Status.REQUESTED:
            for answer in self._provider.authorize(payment.orderId, command.amount, command.paymentToken):
                payment = self.settle(payment, answer)
        return _outcome(payment)

    def settle(self, payment: Payment, answer: Answer) -> Payment:
        """Records the provider's answer once. Voids an authorization that comes too late to count."""
        settled = self._payments.settle(self._answered(payment, answer))
        if settled.status is not Status.AUTHORIZED and isinstance(answer, Authorized):
            log.warning("authorization came too late", order_id=payment.orderId, status=settled.status)
            self._provider.void(payment.orderId)
        return settled

    def void(self, command: VoidPayment) -> Mapping[str, str]:
        """The row comes first. An authorization that is under way then cannot become AUTHORIZED after this void."""
        payment = self._payments.void(command.userName, command.orderId, self._now())
        if payment.status is Status.VOIDED and payment.was_requested:
            self._provider.void(payment.orderId)
        return {}

    def _requested(self, command: AuthorizePayment) -> Payment:
        now = self._now()
        return Payment(
            userName=command.userName,
            orderId=command.orderId,
            status=Status.REQUESTED,
            amount=command.amount,
            requestedAt=now,
            changedAt=now,
        )

    def _answered(self, payment: Payment, answer: Answer) -> Payment:
        """The provider may know a void that this service does not, for example from its own console."""
        changes: dict[str, str] = {"status": Status.VOIDED}
        if isinstance(answer, Authorized):
            changes = {"status": Status.AUTHORIZED, "authorizationId": answer.authorization_id}
        elif isinstance(answer, Declined):
            changes = {"status": Status.DECLINED, "reason": answer.reason}
        return payment.model_copy(update=changes | {"changedAt": self._now()})

    def _now(self) -> str:
        return instants.write(self._clock())


def _check_amount(payment: Payment, amount: Decimal) -> None:
    if payment.was_requested and payment.amount != amount:
        raise Conflict(f"The payment of order {payment.orderId} was requested with another amount.")


def _outcome(payment: Payment) -> Mapping[str, str]:
    if payment.status is Status.DECLINED:
        raise TaskRefused(payment.reason or DECLINED, "The provider declined the payment.")
    if payment.status is Status.VOIDED:
        raise TaskRefused(VOIDED, "The payment was voided.")
    return {"authorizationId": payment.authorizationId or ""}
