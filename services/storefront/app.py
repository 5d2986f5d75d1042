"""The storefront's web app: `gunicorn 'services.storefront.app:from_env()'`.

It is a plain Flask app, because the chassis's app refuses every body that is not JSON.
"""

import os
from collections.abc import Mapping

import structlog
from flask import Flask, Response, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException

from chassis.core import deadline, logs, metrics
from chassis.core.errors import DomainError
from chassis.web import gunicorn_errors, problems
from chassis.web.app import Answer, observe
from chassis.web.edge import Edge
from services.storefront import shown, visitors
from services.storefront.admin import admin
from services.storefront.login import Login
from services.storefront.models import Refusal
from services.storefront.routes import own, pages
from services.storefront.service import Storefront
from services.storefront.sign_in import entry, provider
from services.storefront.wiring import Wiring

DEADLINE = 8.0  # seconds for all calls of a page. The door waits for 10 s.
# Only what the storefront itself serves. There are no inline scripts or styles, and no other site may frame a page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SETTINGS = {
    "SESSION_COOKIE_NAME": "shopwire",
    "SESSION_COOKIE_PATH": visitors.PREFIX,
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_REFRESH_EACH_REQUEST": False,
    "WTF_CSRF_TIME_LIMIT": None,  # as long as the session
    "SEND_FILE_MAX_AGE_DEFAULT": 60,  # seconds
    "TEMPLATES_AUTO_RELOAD": True,  # `make dev` shows an edited template; a check of its date is cheap
}
WITHOUT_VISITOR = {None, "static", "live", "ready", "pages.about"}
STALE = "This form is of another session, or your browser keeps no cookies. Nothing was changed. Open the page again."

log = structlog.stdlib.get_logger(__name__)


def create_app(service: Storefront, session_key: str, edge: Edge | None = None, login: Login | None = None) -> Flask:
    """Without `edge`, everyone may do everything. Without `login`, visitors sign in by a token."""
    edge = edge or Edge()
    app = Flask(__name__, static_url_path=f"{visitors.PREFIX}/static")
    app.config |= SETTINGS | {"SECRET_KEY": session_key}
    app.session_interface = visitors.SessionCookies()
    app.extensions |= {"service": service, "verify": edge.verify, "proxies": edge.proxies, "login": login}
    observe(app, service.check)
    app.before_request(_identify)
    CSRFProtect(app)
    app.after_request(_protect)
    for error in (DomainError, Refusal, HTTPException, CSRFError, Exception):
        app.register_error_handler(error, _problem)
    app.register_error_handler(ParseException, gunicorn_errors.response)  # no browser sends such a body
    app.jinja_env.filters |= shown.FILTERS
    app.jinja_env.globals["signs_in"] = edge.verify is not None
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    for blueprint in (pages, entry, *([provider] if login else []), own, admin):
        app.register_blueprint(blueprint)
    return app


def from_env(env: Mapping[str, str] = os.environ) -> Flask:
    logs.configure("storefront", env)
    metrics.configure("storefront", env)
    wiring = Wiring(env)
    return create_app(wiring.service, wiring.session_key, Edge.from_env(env), wiring.login)


def _identify() -> None:
    deadline.start(DEADLINE)
    if request.endpoint not in WITHOUT_VISITOR:
        visitors.identify()


def _protect(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Referrer-Policy"] = "same-origin"
    if answer.mimetype == "text/html":
        answer.headers["Cache-Control"] = "private, no-cache"
    return answer


def _problem(error: Exception) -> Answer:
    """The page of an error. Health checks get a problem document."""
    if isinstance(error, DomainError) and request.endpoint in {"live", "ready"}:
        return problems.response(error)
    status, title, detail = _explained(error)
    page = render_template("problem.html", status=status, title=title, detail=detail)
    return page, status


def _explained(error: Exception) -> tuple[int, str, str]:
    if isinstance(error, DomainError | Refusal):
        return error.status, error.title, error.detail
    if isinstance(error, CSRFError):
        return 400, "Please try again", STALE
    if isinstance(error, HTTPException):
        return error.code or 500, error.name, error.description or error.name
    log.error("unexpected error", exc_info=error)
    return 500, "Internal error", problems.INTERNAL
