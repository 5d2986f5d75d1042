"""The basket service's web app: `gunicorn 'services.basket.app:from_env()'`."""

import os
from collections.abc import Callable, Mapping

from flask_openapi.openapi import OpenAPI

from chassis.core import logs, metrics
from chassis.messaging.background import in_background
from chassis.web.app import make_app
from chassis.web.edge import Edge
from services.basket import routes
from services.basket.service import BasketService
from services.basket.wiring import Wiring


def create_app(
    service: BasketService, check_ready: Callable[[], None], ordering_url: str, edge: Edge | None = None
) -> OpenAPI:
    about = "Baskets, and the checkout that turns a basket into an order."
    app = make_app("basket", about, check_ready, routes.Problem, edge)
    app.config["ORDERING_URL"] = ordering_url.rstrip("/")
    app.extensions["service"] = service
    app.register_api(routes.api)
    return app


def from_env(env: Mapping[str, str] = os.environ) -> OpenAPI:
    logs.configure("basket", env)
    metrics.configure("basket", env)
    wiring = Wiring(env)
    service = wiring.service(in_background(wiring.publish_now, env))
    return create_app(service, wiring.store.check, wiring.ordering_url, Edge.from_env(env))
