"""The event about orders that stock consumes, with the field that it reads."""

from typing import ClassVar

from chassis.core.events import EventData
from services.stock.models import OrderId


class OrderConfirmed(EventData):
    """The reserved pieces of the order are sold."""

    SOURCE: ClassVar = "com.swn.ordering.order"
    DETAIL_TYPE: ClassVar = "OrderConfirmed"
    VERSION: ClassVar = 1

    orderId: OrderId

    def log_fields(self) -> dict[str, str]:
        return {"order_id": self.orderId}
