"""Checks of a request that no model can make: path, unknown query parameters, headers of the body, its length."""

from flask import abort, current_app, request
from flask_openapi.blueprint import APIBlueprint
from gunicorn.http.errors import UnsupportedTransferCoding
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wsgi import get_path_info

from chassis.core.errors import Invalid, Malformed
from chassis.web import problems


def check() -> None:
    if get_path_info(request.environ).startswith("//"):
        abort(404)  # werkzeug reads it as one slash, but a proxy in front may not
    if request.routing_exception is not None:
        return  # report a wrong path or method first
    if request.query_string:
        _check_query()
    if request.method in {"POST", "PUT", "PATCH"} and not _may_be_empty():
        _check_body()


def _check_query() -> None:
    """Unknown parameters are an error: a DELETE that ignores a misspelt filter would delete too much."""
    for name, values in request.args.lists():
        if len(values) > 1:
            raise Malformed(f"Query parameter `{name[:50]}` appears more than once. Send it once.")
    belongs_to_api = isinstance(current_app.blueprints.get(request.blueprint or ""), APIBlueprint)
    if request.method == "OPTIONS" or not belongs_to_api:
        return
    known = _parameters(str(request.endpoint))
    if unknown := [name for name in request.args if name not in known]:
        errors = [{"pointer": problems.pointer([name]), "detail": _advice(name, known)} for name in unknown]
        raise Invalid("Some query parameters are unknown.", errors=errors)


def _parameters(endpoint: str) -> list[str]:
    query = getattr(current_app.view_functions[endpoint], "__annotations__", {}).get("query")
    return sorted(field.alias or name for name, field in query.model_fields.items()) if query else []


def _advice(name: str, known: list[str]) -> str:
    for rule in current_app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and name in _parameters(rule.endpoint):
            return f"is not a query parameter of this path; use `GET {rule}?{name}=…`"
    return f"is not a query parameter of this path; it has {', '.join(f'`{name}`' for name in known) or 'none'}"


def _may_be_empty() -> bool:
    """Whether there is no body, and the view does not take one."""
    has_body = request.content_length or "Transfer-Encoding" in request.headers
    return not has_body and "body" not in current_app.view_functions[str(request.endpoint)].__annotations__


def _check_body() -> None:
    if (coding := request.headers.get("Transfer-Encoding", "chunked")).lower() != "chunked":
        raise UnsupportedTransferCoding(coding)  # gunicorn accepts gzip but does not decompress it
    if (request.headers.get("Content-Encoding") or "identity").lower() != "identity":
        raise problems.UnsupportedCoding
    if not request.is_json:
        raise problems.UnsupportedMediaType
    size = len(request.get_data())
    if request.content_length is None and size >= (request.max_content_length or 0):
        raise RequestEntityTooLarge  # werkzeug cuts a chunked body at the limit without an error
    if size < (request.content_length or 0):
        raise Malformed("The body is shorter than `Content-Length` says.")
    if not isinstance(request.get_json(), dict):
        raise Invalid("The body must be a JSON object.")
