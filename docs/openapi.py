"""The web apps of all services without stores or clients behind them, for the OpenAPI documents that they serve."""

from typing import Any

from flask_openapi.openapi import OpenAPI

from chassis.web.edge import Edge
from services.basket import app as basket
from services.ordering import app as ordering
from services.payment import app as payment
from services.product import app as product
from services.stock import app as stock


def apps(service: Any, edge: Edge | None = None) -> dict[str, OpenAPI]:
    """By the service's name. A document needs no `service`, a request to an app does."""
    return {
        "product": product.create_app(service, _ready, edge),
        "basket": basket.create_app(service, _ready, "", edge),
        "ordering": ordering.create_app(service, _ready, edge),
        "payment": payment.create_app(service, _ready, edge),
        "stock": stock.create_app(service, _ready, edge),
    }


def documents() -> dict[str, dict[str, Any]]:
    return {name: app.api_doc for name, app in apps(None).items()}


def _ready() -> None:
    pass
