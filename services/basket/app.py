"""The basket service put together: the web app and what its relay and its consumer share with it."""

import os
import uuid
from collections.abc import Callable, Mapping

from flask_openapi.openapi import OpenAPI

from chassis.aws import clients
from chassis.core import logs
from chassis.messaging.bus import EventBus
from chassis.messaging.outbox import Outbox
from chassis.web.app import make_app
from services.basket import routes
from services.basket.catalogue import ReplicatedCatalogue
from services.basket.products import HttpProducts
from services.basket.service import BasketService
from services.basket.store import BasketStore, CatalogueStore


def create_app(service: BasketService, check_ready: Callable[[], None], ordering_url: str) -> OpenAPI:
    app = make_app("basket", "What users want, and the checkout that orders it.", check_ready, routes.Problem)
    app.config["ORDERING_URL"] = ordering_url.rstrip("/")
    app.extensions["service"] = service
    app.register_api(routes.api)
    return app


def from_env(env: Mapping[str, str] = os.environ) -> OpenAPI:
    logs.configure("basket", env)
    store = make_store(env)
    return create_app(make_service(env, store), store.check, env.get("ORDERING_URL") or "http://127.0.0.1:8003")


def make_service(env: Mapping[str, str], store: BasketStore) -> BasketService:
    catalogue = ReplicatedCatalogue(make_catalogue_store(env), make_products(env))
    return BasketService(store, catalogue, make_outbox(env), make_bus(env), lambda: str(uuid.uuid4()))


def make_store(env: Mapping[str, str]) -> BasketStore:
    return BasketStore(
        clients.client("dynamodb", env), make_outbox(env), f"{stack(env)}-basket", f"{stack(env)}-receipt"
    )


def stack(env: Mapping[str, str]) -> str:
    return env.get("SHOP_NAME") or "shopwire"


def make_catalogue_store(env: Mapping[str, str]) -> CatalogueStore:
    return CatalogueStore(clients.client("dynamodb", env), f"{stack(env)}-catalogue")


def make_products(env: Mapping[str, str]) -> HttpProducts:
    return HttpProducts(env.get("PRODUCT_URL") or "http://127.0.0.1:8001")


def make_outbox(env: Mapping[str, str]) -> Outbox:
    return Outbox(clients.client("dynamodb", env), f"{stack(env)}-basket-outbox")


def make_bus(env: Mapping[str, str], timeouts: clients.Timeouts = clients.ONE_SHOT) -> EventBus:
    return EventBus(clients.client("events", env, timeouts), f"{stack(env)}-bus")
