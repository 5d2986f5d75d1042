"""The ordering service put together: the web app and what its consumer shares with it."""

import os
from collections.abc import Callable, Mapping

from flask_openapi.openapi import OpenAPI

from chassis.aws import clients
from chassis.core import logs
from chassis.web.app import make_app
from services.ordering import routes
from services.ordering.service import OrderService
from services.ordering.store import OrderStore


def create_app(service: OrderService, check_ready: Callable[[], None]) -> OpenAPI:
    app = make_app("ordering", "Orders, made from checkouts.", check_ready)
    app.extensions["service"] = service
    app.register_api(routes.api)
    return app


def from_env(env: Mapping[str, str] = os.environ) -> OpenAPI:
    logs.configure("ordering", env)
    store = make_store(env)
    return create_app(OrderService(store), store.check)


def stack(env: Mapping[str, str]) -> str:
    return env.get("SHOP_NAME") or "shopwire"


def make_store(env: Mapping[str, str]) -> OrderStore:
    return OrderStore(clients.client("dynamodb", env), f"{stack(env)}-order")
