"""The commands that the state machine sends to this service, and the tick of the scheduled rule."""

from typing import ClassVar

from pydantic import AwareDatetime, Field

from chassis.core.events import EventData
from chassis.messaging.commands import Command
from services.ordering.models import OrderId, UserName


class OrderCommand(Command):
    """The fields of all commands about an order."""

    SOURCE: ClassVar = "com.swn.ordering.fulfilment"
    VERSION: ClassVar = 1

    orderId: OrderId
    userName: UserName

    def log_fields(self) -> dict[str, str]:
        return {"order_id": self.orderId}


class ConfirmOrder(OrderCommand):
    """Stock is reserved and the payment is authorized."""

    DETAIL_TYPE: ClassVar = "ConfirmOrder"


class RejectOrder(OrderCommand):
    """The order cannot be fulfilled. This is the decision, before the first compensation."""

    DETAIL_TYPE: ClassVar = "RejectOrder"

    reason: str = Field(min_length=1, max_length=256)


class FinishOrder(OrderCommand):
    """All compensations of a rejected or cancelled order are done."""

    DETAIL_TYPE: ClassVar = "FinishOrder"


class SweepOrders(EventData):
    """A minute has passed."""

    SOURCE: ClassVar = "com.swn.ordering.schedule"
    DETAIL_TYPE: ClassVar = "SweepOrders"
    VERSION: ClassVar = 1

    time: AwareDatetime
