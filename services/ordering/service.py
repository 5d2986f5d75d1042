"""The use cases of the ordering service. Only this service changes an order. The saga tells it when, by commands."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

import structlog

from chassis import tracing
from chassis.core import instants, logs
from chassis.core.errors import Conflict, NotFound
from chassis.core.paging import Page
from chassis.messaging.commands import TaskRefused
from services.ordering.commands_in import ConfirmOrder, FinishOrder, OrderCommand, RejectOrder
from services.ordering.events_in import BasketCheckedOut
from services.ordering.fulfilment import Fulfilment
from services.ordering.lifecycle import Step
from services.ordering.models import Order, OrderRow, Status
from services.ordering.moves import Moves, existing

log = structlog.stdlib.get_logger(__name__)


class Orders(Protocol):
    """The storage that this service needs. `store.OrderStore` implements it on DynamoDB."""

    def put_once(self, order: OrderRow, content_hash: str) -> bool: ...
    def get(self, user_name: str, order_id: str) -> OrderRow | None: ...
    def page(self, limit: int, cursor: str | None) -> Page[Order]: ...
    def page_of_user(
        self,
        user_name: str,
        dates: tuple[str, str] | None,
        limit: int,
        cursor: str | None,
        status: Status | None = None,
    ) -> Page[Order]: ...


class OrderService:
    def __init__(
        self,
        orders: Orders,
        moves: Moves,
        fulfilment: Fulfilment,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._orders = orders
        self._moves = moves
        self._fulfilment = fulfilment
        self._clock = clock

    def place(self, checkout: BasketCheckedOut) -> None:
        """Creates the order once, even if the event arrives again, and starts its saga.

        A copy of the event starts it again, because the process may have died in between. Step Functions ignores a
        second start. Raises Conflict if another order has the ID.
        """
        order = checkout.to_order(instants.write(self._clock()), logs.correlation_id(), tracing.traceparent())
        new = self._orders.put_once(order, checkout.content_hash())
        log.info("order placed" if new else "order already exists", order_id=checkout.orderId)
        self._fulfilment.start(order)

    def confirm(self, command: ConfirmOrder) -> Mapping[str, str]:
        """Like `reject` and `finish`, it returns the status that the order has then, whether it was changed or not."""
        return self._apply(Step.CONFIRM, command)

    def reject(self, command: RejectOrder) -> Mapping[str, str]:
        return self._apply(Step.REJECT, command, command.reason)

    def finish(self, command: FinishOrder) -> Mapping[str, str]:
        return self._apply(Step.FINISH, command)

    def cancel(self, user_name: str, order_id: str) -> Order:
        """Decides that the order is cancelled. Its next execution then undoes what was done.

        A repeated request starts that execution again, because the first one may have failed to. Raises NotFound, and
        Conflict if the order was rejected.
        """
        logs.bind(order_id=order_id)
        order = self._moves.apply(Step.CANCEL, user_name, order_id)
        if order.status not in {Status.CANCELLING, Status.CANCELLED}:
            raise Conflict(f"The order has the status {order.status}, so it cannot be cancelled.")
        if order.status == Status.CANCELLING:
            self._fulfilment.start(order)
        return order.shown()

    def get(self, user_name: str, order_id: str) -> Order:
        return existing(self._orders.get(user_name, order_id), user_name, order_id).shown()

    def page(self, limit: int, cursor: str | None) -> Page[Order]:
        return self._orders.page(limit, cursor)

    def page_of_user(
        self,
        user_name: str,
        dates: tuple[str, str] | None,
        limit: int,
        cursor: str | None,
        status: Status | None = None,
    ) -> Page[Order]:
        """Newest first."""
        return self._orders.page_of_user(user_name, dates, limit, cursor, status)

    def _apply(self, step: Step, command: OrderCommand, reason: str | None = None) -> Mapping[str, str]:
        try:
            order = self._moves.apply(step, command.userName, command.orderId, reason)
        except NotFound as error:
            raise TaskRefused("ORDER_NOT_FOUND", error.detail) from error
        return {"status": order.status}
