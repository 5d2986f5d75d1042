"""The HTTP routes of the ordering service. Each parses the request, makes one call and shapes the response."""

from typing import cast

from flask import current_app
from pydantic import Field

from chassis.core.fields import Model, PageQuery
from chassis.core.paging import Page
from chassis.web import openapi
from chassis.web.app import Answer
from services.ordering.models import Order, OrderId, OrderPage, OrderQuery, UserName
from services.ordering.service import OrderService

api = openapi.blueprint("order", __name__, "Orders", "The orders that checkouts placed")


class UserPath(Model):
    userName: UserName = Field(examples=["ann"])


class OrderPath(UserPath):
    orderId: OrderId = Field(examples=["01a1fd70-f23b-7c6e-9f43-2d8b8f0f6c55"])


def service() -> OrderService:
    return cast("OrderService", current_app.extensions["service"])


@api.get("", summary="List all orders", responses={200: OrderPage})
def list_orders(query: PageQuery) -> Answer:
    """Returns the orders of all users."""
    return _answer(service().page(query.limit, query.cursor))


@api.get("/<userName>", summary="List a user's orders, newest first", responses={200: OrderPage})
def list_orders_of_user(path: UserPath, query: OrderQuery) -> Answer:
    """`orderDate`, or `from` and `to`, restrict the list to a time, and `status` to a status."""
    return _answer(service().page_of_user(path.userName, query.dates, query.limit, query.cursor, query.status))


@api.get(
    "/<userName>/<orderId>", summary="Get an order", responses={200: Order} | openapi.responses(_404="no such order")
)
def get_order(path: OrderPath) -> Answer:
    """An order appears a moment after its checkout. Until then the response is 404."""
    return service().get(path.userName, path.orderId).model_dump(mode="json")


def _answer(page: Page[Order]) -> Answer:
    return OrderPage(items=page.items, nextCursor=page.next_cursor).model_dump(mode="json")
