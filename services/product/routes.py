"""The HTTP routes of the product service. Each parses the request, makes one call and shapes the response."""

from typing import Annotated, cast

from flask import Response, current_app
from pydantic import Field

from chassis.core.fields import Absent, Matching, Model
from chassis.web import access, openapi, problems
from chassis.web.app import Answer
from chassis.web.bodies import json_of
from services.product.conditions import Conditions
from services.product.models import Product, ProductChanges, ProductFields, ProductPage, ProductQuery
from services.product.service import ProductService

UNKNOWN = openapi.responses(_404="no such product")
STALE = openapi.responses(_412="the product has another version")
TAGGED = openapi.response_headers(_200="ETag")
api = openapi.blueprint("product", __name__, "Products", "The products that the shop sells")

PRODUCT_ID = Matching("[A-Za-z0-9_-]{1,64}", "must be 1 to 64 letters (A to Z, a to z), digits, _ or -")
EXAMPLE_ID = "5cd37980-e692-5fa3-8c6c-ca07f28ffb01"  # from the demo catalogue; the examples of basket use another one


class Problem(problems.Problem):
    version: int | Absent = Field(None, description="with 412: the current version of the product")


class ProductPath(Model):
    product_id: Annotated[str, PRODUCT_ID] = Field(alias="id", examples=[EXAMPLE_ID])


def service() -> ProductService:
    return cast("ProductService", current_app.extensions["service"])


@api.get(
    "",
    summary="List all products, or those of a category",
    responses={200: ProductPage},
    security=access.OPEN,
    openapi_extensions=openapi.response_headers(_200="Cache-Control"),
)
def list_products(query: ProductQuery) -> Answer:
    """`category` selects the products of one category. `tombstones` adds a separate list of deleted products.

    The list may lag behind the products by a moment, so browsers and proxies may keep it for one second.
    """
    if query.tombstones:
        everything = service().page_with_tombstones(query.limit, query.cursor)
        copied = ProductPage.with_tombstones(everything.items, everything.next_cursor)
        return json_of(copied), 200, {"Cache-Control": "no-store"}
    page = service().page(query.category, query.limit, query.cursor)
    shown = json_of(ProductPage(items=page.items, nextCursor=page.next_cursor), exclude={"tombstones"})
    return shown, 200, {"Cache-Control": "public, max-age=1"}


@api.post(
    "",
    summary="Create a product",
    responses={201: Product},
    security=access.ADMIN,
    openapi_extensions=openapi.response_headers(_201="Location ETag"),
)
def create_product(body: ProductFields) -> Answer:
    """The service assigns the ID and the version. It publishes `ProductCreated`."""
    product = service().create(body)
    return _answer(product), 201, {"Location": f"/product/{product.id}"}


@api.get(
    "/<id>",
    summary="Get a product",
    responses={200: Product, 304: None} | UNKNOWN | STALE,
    security=access.OPEN,
    openapi_extensions=openapi.response_headers(_200="ETag", _304="ETag"),
)
def get_product(path: ProductPath, header: Conditions) -> Answer:
    """If the client already has this version (`If-None-Match`), the response is a 304 without a body."""
    product = service().get(path.product_id, header.meets_if_match)
    return _answer(product) if header.meets_if_none_match(product.version) else _tagged(Response(status=304), product)


@api.put(
    "/<id>",
    summary="Replace a product",
    responses={200: Product} | UNKNOWN | STALE,
    security=access.ADMIN,
    openapi_extensions=TAGGED,
)
def replace_product(path: ProductPath, header: Conditions, body: ProductFields) -> Answer:
    """Omitted optional fields become empty. With `If-Match`, only a product with that version is replaced."""
    return _answer(service().replace(path.product_id, body, header.are_met))


@api.patch(
    "/<id>",
    summary="Change some fields of a product",
    responses={200: Product} | UNKNOWN | STALE,
    security=access.ADMIN,
    openapi_extensions=TAGGED,
)
def change_product(path: ProductPath, header: Conditions, body: ProductChanges) -> Answer:
    """Omitted fields stay unchanged. With `If-Match`, only a product with that version is changed."""
    return _answer(service().update(path.product_id, body, header.are_met))


@api.delete("/<id>", summary="Delete a product", responses={204: None} | UNKNOWN | STALE, security=access.ADMIN)
def delete_product(path: ProductPath, header: Conditions) -> Answer:
    """With `If-Match`, only a product with that version is deleted. Publishes `ProductDeleted`."""
    service().remove(path.product_id, header.are_met)
    return "", 204


def _answer(product: Product) -> Response:
    return _tagged(json_of(product), product)


def _tagged(answer: Response, product: Product) -> Response:
    answer.set_etag(str(product.version))
    return answer
