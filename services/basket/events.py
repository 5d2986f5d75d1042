"""The event that a checkout emits."""

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
    """A basket was checked out and is to become an order. (Past tense here; the wire name stays the course's.)"""

    SOURCE: ClassVar = "com.swn.basket.checkoutbasket"
    DETAIL_TYPE: ClassVar = "CheckoutBasket"
    VERSION: ClassVar = 1

    orderId: str = Field(description="made once, by the checkout; the event has the same id")
    orderDate: str = Field(description="UTC, to the millisecond")
    userName: str
    firstName: str
    lastName: str
    email: str
    address: str
    cardLast4: str = Field(description="the rest of the number is nowhere")
    paymentMethod: int
    items: list[OrderLine]
    totalPrice: Amount = Field(description="of price × quantity, exactly")

    def as_event(self, correlation_id: str) -> Event:
        """The order's id is the event's too: a checkout has one event, and a copy of it is the same event."""
        return self.to_event(self.orderId, self.orderDate, correlation_id)
