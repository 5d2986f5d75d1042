"""The HTTP routes of the basket service. Each parses the request, makes one call and shapes the response."""

from typing import Annotated, cast
from urllib.parse import quote

from flask import Response, current_app
from pydantic import ConfigDict, Field

from chassis.core.fields import Absent, Amount, Input, Matching, Model, PageQuery
from chassis.web import access, openapi, problems, proxies
from chassis.web.app import Answer
from chassis.web.bodies import json_of
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
CONFLICT = openapi.responses(_409="the basket is empty, a product is no longer sold, or the total differs")
api = openapi.blueprint("basket", __name__, "Baskets", "Baskets and their checkout")

Key = Annotated[str, Matching("[!-~]{1,255}", "must be 1 to 255 visible ASCII characters, without spaces")]


class Problem(problems.Problem):
    productIds: list[str] | Absent = Field(None, description="with 409 and 422: the products that cause the error")
    totalPrice: Amount | Absent = Field(None, description="with 409: the current total, if you expected another one")
    orderId: str | Absent = Field(None, description="with 503: the order that may have been placed")


class UserPath(Model):
    userName: UserName = Field(examples=[EXAMPLE_USER])


class LinePath(UserPath):
    productId: ProductId = Field(examples=[EXAMPLE_ID])


class LineQuery(Input):
    color: Color | Absent = Field(None, description="remove only this colour")


class IdempotencyKey(Model):
    model_config = ConfigDict(populate_by_name=True)

    key: Key | Absent = Field(
        None,
        alias="Idempotency-Key",
        description="for 24 hours, the same key and body get the same response",
    )


class CheckoutAnswer(Model):
    orderId: str
    orderDate: str
    totalPrice: Amount
    status: str


def service() -> BasketService:
    return cast("BasketService", current_app.extensions["service"])


@api.get("", summary="List all baskets", responses={200: BasketPage}, security=access.ADMIN)
def list_baskets(query: PageQuery) -> Answer:
    """Returns the baskets of all users with current prices."""
    page = service().page(query.limit, query.cursor)
    return json_of(BasketPage(items=page.items, nextCursor=page.next_cursor))


@api.post("", summary="Replace a user's basket", responses={200: BasketView}, security=access.USER)
def replace_basket(body: BasketInput) -> Answer:
    """Names and prices come from the catalogue. Those in the request are ignored."""
    return json_of(service().replace(body))


@api.post(
    "/checkout",
    summary="Check out a basket",
    responses={202: CheckoutAnswer} | UNKNOWN | CONFLICT,
    security=access.USER,
    openapi_extensions=openapi.response_headers(_202="Location"),
)
def checkout(header: IdempotencyKey, body: CheckoutInput) -> Answer:
    """A 202 means that exactly one order will be placed and the basket is empty. `Location` is the order's URL."""
    receipt = service().checkout(body, header.key)
    ordering = proxies.base_url(current_app.config["ORDERING_URL"])
    location = f"{ordering}/order/{quote(receipt.userName, safe='')}/{receipt.orderId}"
    return Response(f"{receipt.answer}\n", 202, {"Location": location}, content_type="application/json")


@api.get("/<userName>", summary="Get a user's basket", responses={200: BasketView} | UNKNOWN, security=access.USER)
def get_basket(path: UserPath) -> Answer:
    """`price` is the current price, `addedPrice` the price when the line was added."""
    return json_of(service().get(path.userName))


@api.delete("/<userName>", summary="Delete a user's basket", responses={204: None} | UNKNOWN, security=access.USER)
def delete_basket(path: UserPath) -> Answer:
    """Removes all lines. Adding a line later creates a new basket."""
    service().remove(path.userName)
    return "", 204


@api.post("/<userName>/items", summary="Add a product to a basket", responses={200: BasketView}, security=access.USER)
def add_item(path: UserPath, body: LineInput) -> Answer:
    """If the basket has the product in this colour, the quantity grows. A user without a basket gets one."""
    return json_of(service().add(path.userName, body))


@api.delete(
    "/<userName>/items/<productId>",
    summary="Remove a product from a basket",
    responses={204: None} | UNKNOWN,
    security=access.USER,
)
def remove_item(path: LinePath, query: LineQuery) -> Answer:
    """Removes the product in one `color`, or without `color` all its lines."""
    service().remove_line(path.userName, path.productId, query.color)
    return "", 204
