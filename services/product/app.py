"""The product service put together: the web app and what its relay and its seed share with it."""

import os
import uuid
from collections.abc import Callable, Mapping

from flask_openapi.openapi import OpenAPI

from chassis.aws import clients
from chassis.core import logs
from chassis.messaging.bus import EventBus
from chassis.messaging.outbox import Outbox
from chassis.web.app import make_app
from services.product import routes
from services.product.service import ProductService
from services.product.store import ProductStore


def create_app(service: ProductService, check_ready: Callable[[], None]) -> OpenAPI:
    app = make_app("product", "The catalogue: names, categories and prices.", check_ready, routes.Problem)
    app.extensions["service"] = service
    app.register_api(routes.api)
    return app


def from_env(env: Mapping[str, str] = os.environ) -> OpenAPI:
    logs.configure("product", env)
    store = make_store(env)
    return create_app(make_service(env, store), store.check)


def make_service(env: Mapping[str, str], store: ProductStore) -> ProductService:
    return ProductService(store, make_outbox(env), make_bus(env), lambda: str(uuid.uuid4()))


def make_store(env: Mapping[str, str]) -> ProductStore:
    return ProductStore(clients.client("dynamodb", env), make_outbox(env), f"{stack(env)}-product")


def stack(env: Mapping[str, str]) -> str:
    return env.get("SHOP_NAME") or "shopwire"


def make_outbox(env: Mapping[str, str]) -> Outbox:
    return Outbox(clients.client("dynamodb", env), f"{stack(env)}-product-outbox")


def make_bus(env: Mapping[str, str], timeouts: clients.Timeouts = clients.ONE_SHOT) -> EventBus:
    return EventBus(clients.client("events", env, timeouts), f"{stack(env)}-bus")
