"""The event that becomes an order, with the fields that this service reads."""

import hashlib
import json
from decimal import Decimal
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from chassis.core.events import EventData
from chassis.core.fields import EXACT, Amount, Matching
from chassis.core.instants import Instant
from services.ordering.models import OrderLine, OrderRow, Status, StatusChange, UserName
from services.ordering.order_ids import UUID7, first_of, last_of


class BasketCheckedOut(EventData):
    """The event `CheckoutBasket` as this service reads it.

    The total must be the sum of the lines, and the ID must be of the order's date: lists by date are ranges of IDs, so
    they would miss an order with another ID.
    """

    SOURCE: ClassVar = "com.swn.basket.checkoutbasket"
    DETAIL_TYPE: ClassVar = "CheckoutBasket"
    VERSION: ClassVar = 1

    orderId: Annotated[str, Matching(UUID7, "must be a UUIDv7 in lower case")]
    orderDate: Instant
    userName: UserName
    firstName: str = Field(max_length=100)
    lastName: str = Field(max_length=100)
    email: str = Field(max_length=254)
    address: str = Field(max_length=500)
    cardLast4: Annotated[str, Matching("[0-9]{4}", "must be four digits")]
    paymentMethod: Annotated[int, Field(ge=0, le=99), EXACT]
    paymentToken: str | None = Field(None, max_length=64)  # older events have none
    items: list[OrderLine] = Field(min_length=1, max_length=100)
    totalPrice: Amount

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if sum((line.price * line.quantity for line in self.items), Decimal(0)) != self.totalPrice:
            raise ValueError("totalPrice is not the sum of price times quantity")
        return self

    @model_validator(mode="after")
    def _sorts_by_date(self) -> Self:
        if not first_of(self.orderDate) <= self.orderId <= last_of(self.orderDate):
            raise ValueError("orderId is not a UUIDv7 of the millisecond of orderDate")
        return self

    def log_fields(self) -> dict[str, str]:
        return {"order_id": self.orderId}

    def content_hash(self) -> str:
        """A hash of the checkout alone. It excludes the order's status, which may change later.

        It also excludes absent fields, so that a field that is added later does not change the hash of an older event.
        """
        facts = self.model_dump(mode="json", exclude_none=True)
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def to_order(self, placed_at: str, correlation_id: str, traceparent: str | None = None) -> OrderRow:
        """A new order, before the first attempt to fulfil it."""
        return OrderRow(
            status=Status.PLACED,
            history=[StatusChange(status=Status.PLACED, at=placed_at)],
            orderVersion=1,
            attempt=1,
            attemptedAt=placed_at,
            correlationId=correlation_id,
            traceparent=traceparent,
            **self.model_dump(exclude_none=True),
        )
