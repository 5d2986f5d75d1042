"""The OpenAPI documents of the services, made without stores or clients."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from flask_openapi.openapi import OpenAPI

from chassis.core.errors import NotFound
from chassis.web.edge import Edge
from docs import openapi
from tests import tokens

REACHED = "The request reached the service."


class _Service:
    """A document needs no service. A request that is allowed to reach this one gets a 404."""

    def __getattr__(self, name: str) -> Any:
        def reached(*_: object, **__: object) -> Any:
            raise NotFound(REACHED)

        return reached


APPS: dict[str, OpenAPI] = openapi.apps(_Service(), Edge.from_env(tokens.env()))
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
