"""What no model can see of a request: its path, query parameters, and bodies that are not one JSON object."""

from flask import abort, current_app, request
from flask_openapi.blueprint import APIBlueprint
from gunicorn.http.errors import UnsupportedTransferCoding
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wsgi import get_path_info

from chassis.core.errors import Invalid, Malformed
from chassis.web import problems


def check() -> None:
    if get_path_info(request.environ).startswith("//"):
        abort(404)  # werkzeug takes it for one slash, and what stands before this service may not
    if request.routing_exception is not None:
        return  # a wrong path or method is told first
    for name, values in request.args.lists():
        if len(values) > 1:
            raise Malformed(f"Query parameter `{name[:50]}` is given more than once.")
    _check_names()
    if request.method in {"POST", "PUT", "PATCH"}:
        _check_body()


def _check_names() -> None:
    """On every path of the API alike: a DELETE whose filter is misspelt, and ignored, would delete too much."""
    of_the_api = isinstance(current_app.blueprints.get(request.blueprint or ""), APIBlueprint)
    if request.method == "OPTIONS" or not of_the_api:
        return  # a page or a probe, which no client of the API asks
    known = _names(str(request.endpoint))
    if unknown := [name for name in request.args if name not in known]:
        errors = [{"pointer": problems.pointer([name]), "detail": _advice(name, known)} for name in unknown]
        raise Invalid("Some query parameters are not known.", errors=errors)


def _names(endpoint: str) -> list[str]:
    query = getattr(current_app.view_functions[endpoint], "__annotations__", {}).get("query")
    return sorted(field.alias or name for name, field in query.model_fields.items()) if query else []


def _advice(name: str, known: list[str]) -> str:
    for rule in current_app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and name in _names(rule.endpoint):
            return f"is no query parameter here: `GET {rule}?{name}=…` knows it"
    return f"is no query parameter here; this path knows {', '.join(f'`{name}`' for name in known) or 'none'}"


def _check_body() -> None:
    if (coding := request.headers.get("Transfer-Encoding", "chunked")).lower() != "chunked":
        raise UnsupportedTransferCoding(coding)  # gunicorn takes gzip for a transfer coding, and leaves it as it is
    if (request.headers.get("Content-Encoding") or "identity").lower() != "identity":
        raise problems.UnsupportedCoding
    if not request.is_json:
        raise problems.UnsupportedMediaType
    size = len(request.get_data())
    if request.content_length is None and size >= (request.max_content_length or 0):
        raise RequestEntityTooLarge  # werkzeug reads a chunked body up to the limit without a word
    if size < (request.content_length or 0):
        raise Malformed("The body ends before the end that `Content-Length` says.")
    if not isinstance(request.get_json(), dict):
        raise Invalid("The body must be a JSON object.")
