"""The payment service's web app: `gunicorn 'services.payment.app:from_env()'`."""

import os
from collections.abc import Callable, Mapping

from flask_openapi.openapi import OpenAPI

from chassis.core import logs, metrics
from chassis.web.app import make_app
from chassis.web.edge import Edge
from services.payment import routes
from services.payment.service import PaymentService
from services.payment.wiring import Wiring


def create_app(service: PaymentService, check_ready: Callable[[], None], edge: Edge | None = None) -> OpenAPI:
    app = make_app("payment", "Payments of orders: authorized, declined or voided.", check_ready, edge=edge)
    app.extensions["service"] = service
    app.register_api(routes.api)
    return app


def from_env(env: Mapping[str, str] = os.environ) -> OpenAPI:
    logs.configure("payment", env)
    metrics.configure("payment", env)
    wiring = Wiring(env)
    return create_app(wiring.service, wiring.store.check, Edge.from_env(env))
