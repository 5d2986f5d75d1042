"""Orders: the models of rows, queries and responses."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, WithJsonSchema, model_validator

from chassis.core.fields import EXACT, Absent, Amount, Matching, Model, PageQuery
from services.ordering.dates import ALWAYS, Period, TimeOrPeriod

USER_NAME = Matching(
    r"\.*[A-Za-z0-9_~@+|=:,'-][A-Za-z0-9._~@+|=:,'-]*",
    "must be 1 to 254 letters (A to Z, a to z), digits or . _ ~ @ + | = : , ' -, and not dots alone",
)
ORDER_ID = Matching("[A-Za-z0-9_-]{1,64}", "must be 1 to 64 letters (A to Z, a to z), digits, _ or -")
UserName = Annotated[str, Field(max_length=254), USER_NAME]
OrderId = Annotated[str, ORDER_ID]


class OrderLine(Model):
    productId: str = Field(max_length=64)
    productName: str = Field(max_length=200)
    color: str = Field(max_length=50)
    price: Amount
    quantity: Annotated[int, Field(ge=1, le=999), EXACT]


class Status(StrEnum):
    """Of an order. `lifecycle` says which follows which."""

    PLACED = "PLACED"
    CONFIRMED = "CONFIRMED"
    REJECTING = "REJECTING"
    REJECTED = "REJECTED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"


OPEN = frozenset({Status.PLACED, Status.REJECTING, Status.CANCELLING})  # no final status yet


class StatusChange(Model):
    status: str
    at: str = Field(description="UTC, with milliseconds")
    reason: str | Absent = None


class Order(Model):
    """An order as clients see it. Orders of earlier versions have no history."""

    orderId: str
    orderDate: str
    userName: str
    firstName: str
    lastName: str
    email: str
    address: str
    cardLast4: str
    paymentMethod: int
    items: list[OrderLine]
    totalPrice: Amount
    status: str
    reason: str | Absent = Field(None, description="why it was rejected")
    history: list[StatusChange] = Field([], description="each status that it had")


class OrderRow(Order):
    """An order as it is stored. Rows of earlier versions lack these fields and have their defaults.

    Each change of the status raises `orderVersion`. `attempt` counts the executions of the saga.
    """

    paymentToken: str = ""
    correlationId: str = ""
    traceparent: str | None = None  # of the message that placed it, for the executions that the sweep starts
    orderVersion: int = 0
    attempt: int = 0
    attemptedAt: str | None = None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    def shown(self) -> Order:
        return Order.model_validate(self.model_dump())


class OrderPage(Model):
    items: list[Order]
    nextCursor: str | None


class OrderQuery(PageQuery):
    """Either `orderDate`, or `from` and `to`, which are both included; and the status."""

    orderDate: TimeOrPeriod | Absent = Field(
        None,
        description="an instant such as 2026-11-26T10:15:30.123Z, or a period of UTC such as 2026-11 or 2026-11-26T10",
    )
    from_: TimeOrPeriod | Absent = Field(
        None, alias="from", description="the first instant, or a period whose beginning counts"
    )
    to: TimeOrPeriod | Absent = Field(None, description="the last instant, or a period whose end counts")
    status: Annotated[Status, WithJsonSchema({"type": "string", "enum": [*Status]})] | Absent = Field(
        None, description="only orders of this status; pages may then be short or empty, so follow `nextCursor`"
    )

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.orderDate and (self.from_ or self.to):
            raise ValueError("orderDate cannot be combined with from and to")
        if self.from_ and self.to and self.from_.first > self.to.last:
            raise ValueError("from is later than to")
        return self

    @property
    def dates(self) -> tuple[str, str] | None:
        """The first and the last instant of the query, both included, or None for all times."""
        if self.from_ or self.to:
            return Period((self.from_ or ALWAYS).first, (self.to or ALWAYS).last)
        return self.orderDate
