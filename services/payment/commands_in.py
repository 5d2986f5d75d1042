"""The commands that this service obeys, with the fields that it reads."""

from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from chassis.core.fields import Matching
from chassis.messaging.commands import Command
from services.payment.models import OrderId, UserName

AMOUNT = Matching(r"(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,2})?", "must be an amount as text, such as 36.90")


def _exact(text: Any) -> Decimal:
    """A state machine calculates with floats, so amounts pass through it as text."""
    if not isinstance(text, str):
        raise ValueError(AMOUNT.message)  # noqa: TRY004 pydantic does not catch a TypeError
    return Decimal(AMOUNT.check(text))


AmountText = Annotated[Decimal, BeforeValidator(_exact), WithJsonSchema({"type": "string"})]


class PaymentCommand(Command):
    SOURCE: ClassVar = "com.swn.ordering.fulfilment"
    VERSION: ClassVar = 1

    orderId: OrderId
    userName: UserName

    def log_fields(self) -> dict[str, str]:
        return {"order_id": self.orderId}


class AuthorizePayment(PaymentCommand):
    """`paymentToken` is empty for orders of before the token."""

    DETAIL_TYPE: ClassVar = "AuthorizePayment"

    amount: AmountText
    paymentToken: str = Field("", max_length=64)


class VoidPayment(PaymentCommand):
    DETAIL_TYPE: ClassVar = "VoidPayment"
