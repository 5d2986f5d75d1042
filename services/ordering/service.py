"""The use cases of the ordering service."""

from typing import Protocol

import structlog

from chassis.core.errors import NotFound
from chassis.core.paging import Page
from services.ordering.events_in import BasketCheckedOut
from services.ordering.models import Order, Status

log = structlog.stdlib.get_logger(__name__)


class Orders(Protocol):
    """The storage that this service needs. `store.OrderStore` implements it on DynamoDB."""

    def put_once(self, order: Order, content_hash: str) -> bool: ...
    def get(self, user_name: str, order_id: str) -> Order | None: ...
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
    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    def place(self, checkout: BasketCheckedOut) -> None:
        """Creates the order once, even if the event arrives again. Raises Conflict if another order has its ID."""
        new = self._orders.put_once(checkout.to_order(), checkout.content_hash())
        log.info("order placed" if new else "order already exists", order_id=checkout.orderId)

    def get(self, user_name: str, order_id: str) -> Order:
        order = self._orders.get(user_name, order_id)
        if order is None:
            raise NotFound(f"{user_name} has no order {order_id}. A new order takes a moment to appear.")
        return order

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
