"""The event that a checkout publishes."""

from typing import ClassVar

from pydantic import Field

from chassis.core.events import Event, EventData
from chassis.core.fields import Amount, Model


class OrderLine(Model):
    productId: str
    productName: str
    color: str
    price: Amount
    quantity: int


class BasketCheckedOut(EventData):
    """A basket was checked out. The ordering service makes an order of it. The detail type is the course's name."""

    SOURCE: ClassVar = "com.swn.basket.checkoutbasket"
    DETAIL_TYPE: ClassVar = "CheckoutBasket"
    VERSION: ClassVar = 1

    orderId: str = Field(description="a UUIDv7 of orderDate, created once, by the checkout; the event has the same ID")
    orderDate: str = Field(description="UTC, with milliseconds")
    userName: str
    firstName: str
    lastName: str
    email: str
    address: str
    cardLast4: str = Field(description="only the last four digits are kept")
    paymentMethod: int
    paymentToken: str = Field("", description="what payment's provider knows the card by; never a card number")
    items: list[OrderLine]
    totalPrice: Amount = Field(description="the exact sum of price × quantity")

    def as_event(self, correlation_id: str) -> Event:
        """The event has the order's ID. A checkout has one event, so an event with the same ID is a copy."""
        return self.to_event(self.orderId, self.orderDate, correlation_id)
