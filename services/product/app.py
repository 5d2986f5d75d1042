"""The product service put together."""

import os
import uuid
from collections.abc import Callable, Mapping

from flask_openapi.openapi import OpenAPI

from chassis import aws, logs, web
from services.product import routes
from services.product.service import ProductService
from services.product.store import ProductStore


def create_app(service: ProductService, check_ready: Callable[[], None]) -> OpenAPI:
    app = web.make_app("product", "The catalogue: names, categories and prices.", check_ready)
    app.extensions["service"] = service
    app.register_api(routes.api)
    return app


def from_env(env: Mapping[str, str] = os.environ) -> OpenAPI:
    logs.configure("product", env)
    store = make_store(env)
    return create_app(ProductService(store, lambda: str(uuid.uuid4())), store.check)


def make_store(env: Mapping[str, str]) -> ProductStore:
    return ProductStore(aws.client("dynamodb", env), f"{env.get('SHOP_STACK', 'shopwire')}-product")
