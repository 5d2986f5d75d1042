"""Orders, and the checkout event as far as this service reads it."""

import hashlib
import json
from decimal import Decimal
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from chassis.core.events import EventData
from chassis.core.fields import EXACT, Absent, Amount, Matching, Model, PageQuery
from chassis.core.instants import Instant
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


class BasketCheckedOut(EventData):
    """What this service reads of the event `CheckoutBasket`; a total that does not add up is not accepted."""

    SOURCE: ClassVar = "com.swn.basket.checkoutbasket"
    DETAIL_TYPE: ClassVar = "CheckoutBasket"
    VERSION: ClassVar = 1

    orderId: OrderId
    orderDate: Instant
    userName: UserName
    firstName: str = Field(max_length=100)
    lastName: str = Field(max_length=100)
    email: str = Field(max_length=254)
    address: str = Field(max_length=500)
    cardLast4: Annotated[str, Matching("[0-9]{4}", "must be four digits")]
    paymentMethod: Annotated[int, Field(ge=0, le=99), EXACT]
    items: list[OrderLine] = Field(min_length=1, max_length=100)
    totalPrice: Amount

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if sum((line.price * line.quantity for line in self.items), Decimal(0)) != self.totalPrice:
            raise ValueError("totalPrice is not the sum of price times quantity")
        return self

    def content_hash(self) -> str:
        """Of the checkout's facts alone: the order's status may have moved on since."""
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()


class Order(Model):
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

    @classmethod
    def place(cls, checkout: BasketCheckedOut) -> "Order":
        return cls(status="PLACED", **checkout.model_dump())


class OrderPage(Model):
    items: list[Order]
    nextCursor: str | None


class OrderQuery(PageQuery):
    """`orderDate` alone, or `from` and `to`, which are both included."""

    orderDate: TimeOrPeriod | Absent = Field(
        None,
        description="an instant such as 2026-11-26T10:15:30.123Z, or a period of UTC such as 2026-11 or 2026-11-26T10",
    )
    from_: TimeOrPeriod | Absent = Field(None, alias="from", description="the first instant, or a period's beginning")
    to: TimeOrPeriod | Absent = Field(None, description="the last instant, or a period's end")

    @model_validator(mode="after")
    def _one_way_of_asking(self) -> Self:
        if self.orderDate and (self.from_ or self.to):
            raise ValueError("orderDate excludes from and to")
        if self.from_ and self.to and self.from_.first > self.to.last:
            raise ValueError("from is later than to")
        return self

    @property
    def dates(self) -> tuple[str, str] | None:
        """The first and the last instant asked for, both included, or None for all."""
        if self.from_ or self.to:
            return Period((self.from_ or ALWAYS).first, (self.to or ALWAYS).last)
        return self.orderDate
