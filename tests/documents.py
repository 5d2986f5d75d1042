"""The OpenAPI documents of the services, made without stores or clients."""

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from flask_openapi.openapi import OpenAPI

from services.basket import app as basket
from services.basket.service import BasketService
from services.ordering import app as ordering
from services.ordering.service import OrderService
from services.product import app as product
from services.product.service import ProductService


def _nothing(*_: object) -> Any:
    """A document needs no service."""


APPS: dict[str, OpenAPI] = {
    "product": product.create_app(cast("ProductService", _nothing), _nothing),
    "basket": basket.create_app(cast("BasketService", _nothing), _nothing, ""),
    "ordering": ordering.create_app(cast("OrderService", _nothing), _nothing),
}
DOCUMENTS: dict[str, dict[str, Any]] = {name: app.api_doc for name, app in APPS.items()}


class Operation(NamedTuple):
    service: str
    method: str
    path: str
    content: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


def operations() -> Iterator[Operation]:
    for service, document in DOCUMENTS.items():
        for path, item in document["paths"].items():
            for method, content in item.items():
                yield Operation(service, method, path, content)


def schemas(node: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in the schema `node` with its place. Names of properties are not keywords."""
    yield path, node
    for keyword in ("properties", "$defs"):
        for name, schema in node.get(keyword, {}).items():
            yield from schemas(schema, f"{path}/{keyword}/{name}")
    for keyword in ("anyOf", "allOf", "oneOf", "prefixItems"):
        for number, schema in enumerate(node.get(keyword, [])):
            yield from schemas(schema, f"{path}/{keyword}/{number}")
    for keyword in ("items", "not", "additionalProperties"):
        if isinstance(schema := node.get(keyword), dict):
            yield from schemas(schema, f"{path}/{keyword}")
