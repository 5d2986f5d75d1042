"""The events that this service publishes: an order has reached a final status."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from chassis.core.events import Event, EventData
from chassis.core.fields import Amount, Model
from services.ordering.models import OrderRow, Status


class Line(Model):
    productId: str
    quantity: int


class OrderEvent(EventData):
    """The fields of all events of an order. They may arrive late or twice, so the highest `orderVersion` wins."""

    SOURCE: ClassVar = "com.swn.ordering.order"
    VERSION: ClassVar = 1

    event: str = Field(description="the event's name, by which a topic's subscribers can filter")
    orderId: str
    orderDate: str
    userName: str
    email: str
    totalPrice: Amount
    items: list[Line] = Field(description="a product may have several lines, one per colour")
    orderVersion: int = Field(description="rises with each change of the order's status")
    status: str
    at: str = Field(description="when the order reached this status")


class OrderConfirmed(OrderEvent):
    """The stock of an order is reserved and its payment is authorized."""

    DETAIL_TYPE: ClassVar = "OrderConfirmed"


class OrderRejected(OrderEvent):
    """An order could not be fulfilled. It holds no stock and no money."""

    DETAIL_TYPE: ClassVar = "OrderRejected"

    reason: str = Field(description="for example OUT_OF_STOCK or PAYMENT_DECLINED")


class OrderCancelled(OrderEvent):
    """An order was cancelled on request. It holds no stock and no money."""

    DETAIL_TYPE: ClassVar = "OrderCancelled"


EVENTS: Mapping[str, type[OrderEvent]] = {
    Status.CONFIRMED: OrderConfirmed,
    Status.REJECTED: OrderRejected,
    Status.CANCELLED: OrderCancelled,
}


def event_of(order: OrderRow, correlation_id: str) -> Event | None:
    """The event of the order's last transition, or None if it has none. An event with the same ID is a copy."""
    kind = EVENTS.get(order.status)
    if kind is None:
        return None
    at = order.history[-1].at
    data = kind.model_validate(order.model_dump(exclude_none=True) | {"event": kind.DETAIL_TYPE, "at": at})
    return data.to_event(f"{order.orderId}:{order.status.lower()}", at, correlation_id)
