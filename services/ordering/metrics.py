"""The metrics of orders. docs/metrics.md is made from this list."""

from datetime import datetime
from typing import Final

from chassis.core.metrics import Kind, Metric, Unit, record
from services.ordering.models import OPEN, OrderRow, Status

FINAL: Final = {
    status: Metric(f"Orders{status.title()}", Unit.COUNT, Kind.SUM, f"Orders that became {status}.")
    for status in (Status.CONFIRMED, Status.REJECTED, Status.CANCELLED)
}
TIME_TO_FINAL: Final = Metric(
    "TimeToFinal", Unit.SECONDS, Kind.SPREAD, "From the date of an order, which its 202 has, to its first final status."
)
OPEN_FIVE_MINUTES: Final = Metric(
    "OrdersOpenFiveMinutes", Unit.COUNT, Kind.HIGHEST, "Orders without a final status for five minutes. 0 if none."
)
OPEN_HOUR: Final = Metric(
    "OrdersOpenHour", Unit.COUNT, Kind.HIGHEST, "Orders without a final status for an hour. 0 if none."
)

METRICS: Final = (*FINAL.values(), TIME_TO_FINAL, OPEN_FIVE_MINUTES, OPEN_HOUR)


def record_final(order: OrderRow, now: datetime) -> None:
    """To be called after each change of an order's status. A confirmed order that is cancelled later counts twice."""
    if order.is_open:
        return
    record(FINAL[Status(order.status)])
    earlier = {change.status for change in order.history[:-1]}
    if earlier <= OPEN:
        record(TIME_TO_FINAL, (now - datetime.fromisoformat(order.orderDate)).total_seconds())
