"""What can be done with orders."""

from typing import Protocol

import structlog

from chassis.core.errors import NotFound
from chassis.core.paging import Page
from services.ordering.events_in import BasketCheckedOut
from services.ordering.models import Order

log = structlog.stdlib.get_logger(__name__)


class Orders(Protocol):
    """The storage this service needs; `store.OrderStore` is the one on DynamoDB."""

    def put_once(self, order: Order, content_hash: str) -> bool: ...
    def get(self, user_name: str, order_id: str) -> Order | None: ...
    def page(self, limit: int, cursor: str | None) -> Page[Order]: ...
    def page_of_user(
        self, user_name: str, dates: tuple[str, str] | None, limit: int, cursor: str | None
    ) -> Page[Order]: ...


class OrderService:
    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    def place(self, checkout: BasketCheckedOut) -> None:
        """Makes the order once, however often it is told; Conflict if another order has its id."""
        new = self._orders.put_once(checkout.to_order(), checkout.content_hash())
        log.info("order placed" if new else "order was placed before", order_id=checkout.orderId)

    def get(self, user_name: str, order_id: str) -> Order:
        order = self._orders.get(user_name, order_id)
        if order is None:
            raise NotFound(f"{user_name} has no order {order_id}; one just placed may take a moment.")
        return order

    def page(self, limit: int, cursor: str | None) -> Page[Order]:
        return self._orders.page(limit, cursor)

    def page_of_user(
        self, user_name: str, dates: tuple[str, str] | None, limit: int, cursor: str | None
    ) -> Page[Order]:
        """Newest first."""
        return self._orders.page_of_user(user_name, dates, limit, cursor)
