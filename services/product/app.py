"""The product service's web app: `gunicorn 'services.product.app:from_env()'`."""

import os
from collections.abc import Callable, Mapping

from flask_openapi.openapi import OpenAPI

from chassis.core import logs, metrics
from chassis.messaging.background import in_background
from chassis.web.app import make_app
from chassis.web.edge import Edge
from services.product import routes
from services.product.service import ProductService
from services.product.wiring import Wiring


def create_app(service: ProductService, check_ready: Callable[[], None], edge: Edge | None = None) -> OpenAPI:
    app = make_app("product", "The catalogue: names, categories and prices.", check_ready, routes.Problem, edge)
    app.extensions["service"] = service
    app.register_api(routes.api)
    return app


def from_env(env: Mapping[str, str] = os.environ) -> OpenAPI:
    logs.configure("product", env)
    metrics.configure("product", env)
    wiring = Wiring(env)
    return create_app(wiring.service(in_background(wiring.publish_now, env)), wiring.store.check, Edge.from_env(env))
