"""The ordering service's web app: `gunicorn 'services.ordering.app:from_env()'`."""

import os
from collections.abc import Callable, Mapping

from flask_openapi.openapi import OpenAPI

from chassis.core import logs, metrics
from chassis.web.app import make_app
from chassis.web.edge import Edge
from services.ordering import routes
from services.ordering.service import OrderService
from services.ordering.wiring import Wiring


def create_app(service: OrderService, check_ready: Callable[[], None], edge: Edge | None = None) -> OpenAPI:
    app = make_app("ordering", "Orders that were placed by checkouts.", check_ready, edge=edge)
    app.extensions["service"] = service
    app.register_api(routes.api)
    return app


def from_env(env: Mapping[str, str] = os.environ) -> OpenAPI:
    logs.configure("ordering", env)
    metrics.configure("ordering", env)
    wiring = Wiring(env)
    return create_app(wiring.service, wiring.store.check, Edge.from_env(env))
