"""The event that a checkout emits."""

from typing import ClassVar

from chassis.events import Event
from chassis.fields import Amount, Record


class OrderLine(Record):
    productId: str
    productName: str
    color: str
    price: Amount
    quantity: int


class BasketCheckedOut(Record):
    """Past tense here; the wire name stays the course's."""

    SOURCE: ClassVar = "com.swn.basket.checkoutbasket"
    DETAIL_TYPE: ClassVar = "CheckoutBasket"
    VERSION: ClassVar = 1

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

    def to_event(self, correlation_id: str) -> Event:
        """The order's id is the event's too: a checkout has one event, and a copy of it is the same event."""
        metadata = {
            "id": self.orderId,
            "idempotency-key": self.orderId,
            "version": self.VERSION,
            "correlation-id": correlation_id,
            "occurred-at": self.orderDate,
        }
        return Event.wrap(self.SOURCE, self.DETAIL_TYPE, metadata, self.model_dump(mode="json"))
