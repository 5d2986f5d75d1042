"""Applies the steps of an order's life. Each is one transaction, together with the event of a final status."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

import structlog

from chassis.core import instants, logs
from chassis.core.errors import NotFound, Unavailable
from chassis.core.events import Event
from chassis.core.writes import Attempts
from chassis.messaging.dispatch import Publish
from services.ordering import metrics
from services.ordering.events import event_of
from services.ordering.lifecycle import Step, transition
from services.ordering.models import OrderRow

UNKNOWN_CHANGE = (
    "The database did not answer, so it is unknown whether the order was changed. "
    "Read the current state before you try again."
)

log = structlog.stdlib.get_logger(__name__)


class ChangingOrders(Protocol):
    """The storage that moves need. `store.OrderStore` implements it on DynamoDB."""

    def get(self, user_name: str, order_id: str) -> OrderRow | None: ...
    def save(self, after: OrderRow, before: OrderRow, event: Event | None) -> bool: ...


class Moves:
    def __init__(
        self, orders: ChangingOrders, publish: Publish, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._orders = orders
        self._publish = publish
        self._clock = clock

    def apply(self, step: Step, user_name: str, order_id: str, reason: str | None = None) -> OrderRow:
        """Returns the order after the step, or unchanged if its status does not allow the step.

        A repeated step is not allowed either, so it changes nothing. Raises NotFound. Raises Unavailable, which says
        whether the outcome is unknown.
        """
        with Attempts(Unavailable(UNKNOWN_CHANGE)) as attempts:
            for _ in attempts:
                before = existing(self._orders.get(user_name, order_id), user_name, order_id)
                after = transition(before, step, instants.write(self._clock()), reason)
                if after is None:
                    return before
                event = event_of(after, logs.correlation_id())
                if attempts.write(partial(self._orders.save, after, before, event)):
                    metrics.record_final(after, self._clock())
                    self._announce(after, event)
                    return after
        raise AssertionError  # attempts() ends by raising

    def _announce(self, order: OrderRow, event: Event | None) -> None:
        log.info("order changed", order_id=order.orderId, status=order.status, reason=order.reason)
        if event:
            self._publish(event)


def existing(order: OrderRow | None, user_name: str, order_id: str) -> OrderRow:
    if order is None:
        raise NotFound(f"{user_name} has no order {order_id}. A new order takes a moment to appear.")
    return order
