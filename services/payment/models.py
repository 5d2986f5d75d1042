"""Payments: the models of rows and responses."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from chassis.core.fields import Amount, Matching, Model

USER_NAME = Matching(
    r"\.*[A-Za-z0-9_~@+|=:,'-][A-Za-z0-9._~@+|=:,'-]*",
    "must be 1 to 254 letters (A to Z, a to z), digits or . _ ~ @ + | = : , ' -, and not dots alone",
)
ORDER_ID = Matching("[A-Za-z0-9_-]{1,64}", "must be 1 to 64 letters (A to Z, a to z), digits, _ or -")
UserName = Annotated[str, Field(max_length=254), USER_NAME]
OrderId = Annotated[str, ORDER_ID]


class Status(StrEnum):
    """A payment ends as AUTHORIZED, DECLINED or VOIDED. Only AUTHORIZED can still change, to VOIDED."""

    REQUESTED = "REQUESTED"
    AUTHORIZED = "AUTHORIZED"
    DECLINED = "DECLINED"
    VOIDED = "VOIDED"


class Payment(Model):
    """The payment of an order. It has no amount if it was voided before it was requested."""

    userName: str
    orderId: str
    status: Status
    amount: Amount | None = None
    authorizationId: str | None = Field(None, description="the provider's ID of the authorization")
    reason: str | None = Field(None, description="why the provider declined")
    requestedAt: str | None = Field(None, description="UTC, with milliseconds")
    changedAt: str = Field(description="when the status last changed, in UTC with milliseconds")

    @property
    def was_requested(self) -> bool:
        """Whether the provider may know the payment."""
        return self.requestedAt is not None
