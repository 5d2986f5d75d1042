"""The HTTP routes of the ordering service. Each parses the request, makes one call and shapes the response."""

from typing import Any, cast

from flask import current_app
from pydantic import Field

from chassis.core.fields import Model, PageQuery
from chassis.core.paging import Page
from chassis.web import access, openapi
from chassis.web.app import Answer
from services.ordering.models import Order, OrderId, OrderPage, OrderQuery, Status, UserName
from services.ordering.service import OrderService

api = openapi.blueprint("order", __name__, "Orders", "The orders that checkouts placed")


class UserPath(Model):
    userName: UserName = Field(examples=["ann"])


class OrderPath(UserPath):
    orderId: OrderId = Field(examples=["01a1fd70-f23b-7c6e-9f43-2d8b8f0f6c55"])


def service() -> OrderService:
    return cast("OrderService", current_app.extensions["service"])


@api.get("", summary="List all orders", responses={200: OrderPage}, security=access.ADMIN)
def list_orders(query: PageQuery) -> Answer:
    """Returns the orders of all users."""
    return _answer(service().page(query.limit, query.cursor))


@api.get("/<userName>", summary="List a user's orders, newest first", responses={200: OrderPage}, security=access.USER)
def list_orders_of_user(path: UserPath, query: OrderQuery) -> Answer:
    """`orderDate`, or `from` and `to`, restrict the list to a time, and `status` to a status."""
    return _answer(service().page_of_user(path.userName, query.dates, query.limit, query.cursor, query.status))


@api.get(
    "/<userName>/<orderId>",
    summary="Get an order",
    responses={200: Order} | openapi.responses(_404="no such order"),
    security=access.USER,
)
def get_order(path: OrderPath) -> Answer:
    """An order appears a moment after its checkout. Until then the response is 404."""
    return _shown(service().get(path.userName, path.orderId))


@api.post(
    "/<userName>/<orderId>/cancel",
    summary="Cancel an order",
    responses={200: Order, 202: Order} | openapi.responses(_404="no such order", _409="the order was rejected"),
    security=access.USER,
)
def cancel_order(path: OrderPath) -> Answer:
    """A 202 means that the order will be cancelled and holds no stock and no money then. A 200 means that it is."""
    order = service().cancel(path.userName, path.orderId)
    return _shown(order), 200 if order.status == Status.CANCELLED else 202


def _shown(order: Order) -> dict[str, Any]:
    return order.model_dump(mode="json", exclude_none=True)


def _answer(page: Page[Order]) -> Answer:
    return {"items": [_shown(order) for order in page.items], "nextCursor": page.next_cursor}
