"""The basket service's HTTP: parse, one call, shape the answer."""

from typing import Annotated, cast
from urllib.parse import quote

from flask import Response, current_app
from pydantic import ConfigDict, Field

from chassis.core.fields import Absent, Amount, Input, Matching, Model, PageQuery
from chassis.web import openapi, problems
from chassis.web.app import Answer
from services.basket.checkout import CheckoutInput
from services.basket.models import (
    EXAMPLE_ID,
    EXAMPLE_USER,
    BasketInput,
    BasketPage,
    BasketView,
    Color,
    LineInput,
    ProductId,
    UserName,
)
from services.basket.service import BasketService

UNKNOWN = openapi.responses(_404="no such basket, or no such line in it")
CONFLICT = openapi.responses(_409="empty basket, product gone, or another total than expected")
api = openapi.blueprint("basket", __name__, "Baskets", "What a user wants, and the checkout that orders it")

Key = Annotated[str, Matching("[!-~]{1,255}", "must be 1 to 255 visible ASCII characters, without spaces")]


class Problem(problems.Problem):
    productIds: list[str] | Absent = Field(None, description="with 409 and 422: the products that are in the way")
    totalPrice: Amount | Absent = Field(None, description="with 409: today's total, where you expected another one")
    orderId: str | Absent = Field(None, description="with 503: the order that was perhaps placed")


class UserPath(Model):
    userName: UserName = Field(examples=[EXAMPLE_USER])


class LinePath(UserPath):
    productId: ProductId = Field(examples=[EXAMPLE_ID])


class LineQuery(Input):
    color: Color | Absent = Field(None, description="drop this colour only")


class IdempotencyKey(Model):
    model_config = ConfigDict(populate_by_name=True)

    key: Key | Absent = Field(
        None,
        alias="Idempotency-Key",
        description="the same key and body, within 24 hours, get the first answer again",
    )


class CheckoutAnswer(Model):
    orderId: str
    orderDate: str
    totalPrice: Amount
    status: str


def service() -> BasketService:
    return cast("BasketService", current_app.extensions["service"])


@api.get("", summary="List all baskets", responses={200: BasketPage})
def list_baskets(query: PageQuery) -> Answer:
    """Of all users, at today's prices."""
    page = service().page(query.limit, query.cursor)
    return BasketPage(items=page.items, nextCursor=page.next_cursor).model_dump(mode="json")


@api.post("", summary="Replace a user's basket", responses={200: BasketView})
def replace_basket(body: BasketInput) -> Answer:
    """Names and prices are the catalogue's, and those that the client sends are ignored."""
    return service().replace(body).model_dump(mode="json")


@api.post(
    "/checkout",
    summary="Order what is in the basket",
    responses={202: CheckoutAnswer} | UNKNOWN | CONFLICT,
    openapi_extensions=openapi.response_headers(_202="Location"),
)
def checkout(header: IdempotencyKey, body: CheckoutInput) -> Answer:
    """202 means that exactly one order will be placed, within a moment, at `Location`. The basket is empty then."""
    receipt = service().checkout(body, header.key)
    location = f"{current_app.config['ORDERING_URL']}/order/{quote(receipt.userName, safe='')}/{receipt.orderId}"
    return Response(f"{receipt.answer}\n", 202, {"Location": location}, content_type="application/json")


@api.get("/<userName>", summary="A user's basket at today's prices", responses={200: BasketView} | UNKNOWN)
def get_basket(path: UserPath) -> Answer:
    """`price` is today's, `addedPrice` the one on the day that the line was added."""
    return service().get(path.userName).model_dump(mode="json")


@api.delete("/<userName>", summary="Empty a user's basket", responses={204: None} | UNKNOWN)
def delete_basket(path: UserPath) -> Answer:
    """All lines are dropped. The next one that is added makes a new basket."""
    service().remove(path.userName)
    return "", 204


@api.post("/<userName>/items", summary="Add a line, or to a line", responses={200: BasketView})
def add_item(path: UserPath, body: LineInput) -> Answer:
    """A line of the same product and colour grows by the quantity. A user without a basket gets one."""
    return service().add(path.userName, body).model_dump(mode="json")


@api.delete("/<userName>/items/<productId>", summary="Drop one colour, or all", responses={204: None} | UNKNOWN)
def remove_item(path: LinePath, query: LineQuery) -> Answer:
    """Of the product in the path: the lines of `color`, or all of its lines."""
    service().remove_line(path.userName, path.productId, query.color)
    return "", 204
