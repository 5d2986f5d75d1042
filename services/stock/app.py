"""The stock service's web app: `gunicorn 'services.stock.app:from_env()'`."""

import os
from collections.abc import Callable, Mapping

from flask_openapi.openapi import OpenAPI

from chassis.core import logs, metrics
from chassis.web.app import make_app
from chassis.web.edge import Edge
from services.stock import routes
from services.stock.service import StockService
from services.stock.wiring import Wiring


def create_app(service: StockService, check_ready: Callable[[], None], edge: Edge | None = None) -> OpenAPI:
    app = make_app("stock", "Stock levels, and the pieces that orders reserve.", check_ready, edge=edge)
    app.extensions["service"] = service
    app.register_api(routes.api)
    return app


def from_env(env: Mapping[str, str] = os.environ) -> OpenAPI:
    logs.configure("stock", env)
    metrics.configure("stock", env)
    wiring = Wiring(env)
    return create_app(wiring.service, wiring.store.check, Edge.from_env(env))
