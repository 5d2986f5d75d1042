"""The machine room's web app: `gunicorn --workers 1 'shop.room.app:from_env()'`. Its events are in one process."""

import os
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, current_app, render_template, request
from werkzeug.exceptions import HTTPException

from bootstrap.errors import Failed
from chassis.core import logs
from chassis.core.errors import DomainError, Misconfigured, Unavailable
from chassis.web import problems
from chassis.web.app import Answer, observe
from shop.room.nodes import LEADING, NAME, NOTE, PAD
from shop.room.routes import pages, wants_json
from shop.room.service import Room
from shop.room.wiring import build, start

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HOSTS = {"127.0.0.1", "localhost", "::1"}

log = structlog.stdlib.get_logger(__name__)


class Foreign(DomainError):
    status, title = 403, "Forbidden"


def create_app(room: Room, shop_url: str = "") -> Flask:
    """`shop_url` is where a browser finds the storefront."""
    app = Flask(__name__, static_url_path="/room/static")
    app.config |= {"SEND_FILE_MAX_AGE_DEFAULT": 60, "TEMPLATES_AUTO_RELOAD": True}
    app.extensions["service"] = room
    observe(app, _check)
    app.before_request(_refuse_foreign)
    app.after_request(_protect)
    for error in (DomainError, Failed, HTTPException, Exception):
        app.register_error_handler(error, _problem)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals |= {"shop_url": shop_url, "PAD": PAD, "LEADING": LEADING, "NAME": NAME, "NOTE": NOTE}
    app.register_blueprint(pages)
    return app


def from_env(env: Mapping[str, str] = os.environ) -> Flask:
    """Raises Failed for settings with which no AWS can be called."""
    logs.configure("room", env)
    try:
        room, works = build(env)
    except Misconfigured as error:
        return closed(str(error))
    start(works)
    return create_app(room, env.get("STOREFRONT_URL", ""))


def closed(why: str) -> Flask:
    """Answers every request but that for its health with `why`. Containers of a shop on AWS get it."""
    app = Flask(__name__, static_folder=None)
    observe(app, lambda: None)
    app.register_error_handler(404, lambda _: problems.document(403, Foreign.title, why))
    return app


def _check() -> None:
    if trouble := cast("Room", current_app.extensions["service"]).trouble():
        raise Unavailable(trouble)


def _refuse_foreign() -> None:
    """Only pages of this room may use it. Another host name would be one that leads here by DNS rebinding."""
    if urlsplit(f"//{request.host}").hostname not in HOSTS:
        raise Foreign("Open the machine room as http://127.0.0.1 or http://localhost, with its port.")
    origin = request.headers.get("Origin")
    if origin != f"http://{request.host}" and (origin is not None or request.method == "POST"):
        raise Foreign("Only the machine room's own pages may do this.")


def _protect(answer: Response) -> Response:
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Referrer-Policy"] = "same-origin"
    if answer.mimetype == "text/html":
        answer.headers["Cache-Control"] = "no-store"
    return answer


def _problem(error: Exception) -> Answer:
    """A page for browsers, and a problem document for scripts and health checks."""
    status, title, detail = _explained(error)
    if wants_json():
        return problems.document(status, title, detail)
    return render_template("problem.html", title=title, detail=detail), status


def _explained(error: Exception) -> tuple[int, str, str]:
    if isinstance(error, DomainError):
        return error.status, error.title, error.detail
    if isinstance(error, Failed):
        return 409, "It did not work", str(error)
    if isinstance(error, HTTPException):
        return error.code or 500, error.name, error.description or error.name
    log.error("unexpected error", exc_info=error)
    return 500, "Internal error", problems.INTERNAL
