"""Makes the Flask app of a service: strict JSON, problem documents, health routes, correlation ids and deadlines."""

import time
from collections.abc import Callable
from typing import Any

import structlog
from flask import Flask, Response, g, redirect, request
from flask.json.provider import DefaultJSONProvider
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException

from chassis import tracing
from chassis.core import deadline, logs, metrics, strictjson
from chassis.core.errors import DomainError, Malformed
from chassis.core.measured import REQUEST_LATENCY, RESPONSES
from chassis.web import gunicorn_errors, headers, problems, request_checks
from chassis.web.access import Access
from chassis.web.cors import Cors
from chassis.web.edge import Edge
from chassis.web.limits import Limits, Meter
from chassis.web.openapi import DocumentedApp

MAX_BODY = 64 * 1024
HEALTH = "/health/"  # such requests are logged for debugging only, and have no trace
DEADLINE = 3.0  # seconds. A call that starts just before it takes at most 1.5 s, so a response is sent within 5 s.

Body = Response | dict[str, Any] | str
Answer = Body | tuple[Body, int] | tuple[Body, int, dict[str, str]]  # Flask's own type exists only for type checkers

log = structlog.stdlib.get_logger(__name__)


def make_app(
    name: str,
    description: str,
    check_ready: Callable[[], None],
    problem: type[problems.Problem] = problems.Problem,
    edge: Edge | None = None,
) -> DocumentedApp:
    """An app with the routes that all services share. `check_ready` raises a DomainError while the service cannot work.

    `problem` documents the extra members of this service's problem documents. The class must be named `Problem`.
    Without `edge`, everyone may do everything.
    """
    edge = edge or Edge()
    app = DocumentedApp(name, description, problem)
    app.json = StrictJSON(app)
    app.extensions["proxies"] = edge.proxies
    observe(app, check_ready)
    for hook in _hooks(edge):
        app.before_request(hook)
    if edge.origins:
        app.after_request(Cors(edge.origins))
    app.register_error_handler(DomainError, problems.response)
    app.register_error_handler(HTTPException, problems.http_error)
    app.register_error_handler(ParseException, gunicorn_errors.response)
    app.register_error_handler(Exception, _unexpected)
    _add_common_routes(app, name, description)
    return app


def observe(app: Flask, check_ready: Callable[[], None]) -> None:
    """What any web process needs: a correlation ID, a deadline and a log line per request, and the health routes."""

    def ready() -> Answer:
        check_ready()
        return {"status": "ready"}

    app.url_map.merge_slashes = False  # otherwise werkzeug redirects to the host in the `Host` header
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.before_request(_begin)
    app.after_request(_end)
    app.add_url_rule("/health/live", "live", lambda: {"status": "live"})
    app.add_url_rule("/health/ready", "ready", ready)


class StrictJSON(DefaultJSONProvider):
    sort_keys = False

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Raises Malformed, because Flask hides the text of a ValueError."""
        try:
            return strictjson.loads(s)
        except UnicodeDecodeError as error:
            raise Malformed(f"The body is not valid UTF-8 at byte {error.start + 1}.") from None
        except ValueError as error:
            raise Malformed(f"The body is not valid JSON: {error}." if s.strip() else "The body is empty.") from None
        except RecursionError:
            raise Malformed("The body nests objects or lists too deeply.") from None


def _hooks(edge: Edge) -> list[Callable[[], Response | None]]:
    access = Access(edge.verify) if edge.verify else None
    first = access.authenticate if access else _admit
    limited = Limits(Meter(edge.rate), first) if edge.rate else first
    hooks = [limited, request_checks.check, access.authorize if access else _admit]
    return [hook for hook in hooks if hook is not _admit]


def _admit() -> None:
    """Everyone may do everything."""


def _begin() -> None:
    g.started = time.perf_counter()
    deadline.start(DEADLINE)
    structlog.contextvars.clear_contextvars()
    tracing.leave()
    sent, g.probe = request.headers, request.path.startswith(HEALTH)
    g.span = None if g.probe else tracing.begin("request", sent.get(headers.TRACEPARENT))
    logs.correlate(sent.get(headers.CORRELATION_ID))


def _end(answer: Response) -> Response:
    headers.add_common(answer)
    milliseconds = round((time.perf_counter() - g.started) * 1000, 1)
    probe = g.probe
    if not probe:
        metrics.record(REQUEST_LATENCY, milliseconds)
        metrics.record(RESPONSES[answer.status_code // 100])
    write = log.debug if probe else log.info
    write("request", method=request.method, path=request.path, status=answer.status_code, ms=milliseconds)
    if not probe and tracing.is_on():
        g.span.name = f"{request.method} {request.url_rule or '?'}"  # not the path, which may have a user's name
        g.span.fields["status"] = answer.status_code
        g.span.end()
    return answer


def _unexpected(error: Exception) -> Response:
    log.error("unexpected error", exc_info=error)
    return problems.document(500, "Internal error", problems.INTERNAL)


def _add_common_routes(app: DocumentedApp, name: str, description: str) -> None:
    def about() -> Answer:
        return {"service": name, "description": description, "docs": "/docs", "openapi": "/openapi.json"}

    app.add_url_rule("/", "about", about)
    app.add_url_rule("/openapi.json", "openapi_json", lambda: app.api_doc)
    app.add_url_rule("/docs", "docs", lambda: redirect("/docs/swagger"))
