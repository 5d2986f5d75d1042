"""Turns errors into problem documents (RFC 9457)."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar

import structlog
from flask import Response, json
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import HTTPException

from chassis.core.errors import DomainError, Invalid

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = "2"
INTERNAL = "An unexpected error occurred. The log has it under the ID in the `X-Correlation-Id` header."
DETAILS = {
    404: "No route has this path. `/docs` lists all paths. No path ends with a slash.",
    405: "This path does not support the method. The `Allow` header lists the supported ones.",
    413: "The body is too large. Send at most 64 KB.",
}

# By pydantic's types of errors, whose own texts are for programmers. Web pages show these to their visitors.
FIELD_DETAILS = {
    "missing": "is required",
    "extra_forbidden": "is not a known field; remove it",
    "string_type": "must be text",
    "string_too_short": "must have {min_length} characters or more",
    "string_too_long": "must have {max_length} characters or less",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "decimal_max_places": "must have {decimal_places} decimals or less",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "too_short": "must have {min_length} elements or more",
    "too_long": "must have {max_length} elements or less",
    "list_type": "must be a list",
    "model_type": "must be an object",
}
EMPTY = "must not be empty"
PUT_NEEDS_ALL = " PUT replaces the whole resource and needs every required field. Use PATCH to change only some fields."

log = structlog.stdlib.get_logger(__name__)


class UnsupportedMediaType(DomainError):
    status, title = 415, "Unsupported media type"
    headers: ClassVar = {"Accept": "application/json"}

    def __init__(self, detail: str = "Send JSON with `Content-Type: application/json`.") -> None:
        super().__init__(detail)


class UnsupportedCoding(UnsupportedMediaType):
    headers: ClassVar = {"Accept-Encoding": "identity"}  # RFC 9110, section 15.5.16

    def __init__(self) -> None:
        super().__init__("Send the body without compression and without `Content-Encoding`.")


class FieldError(BaseModel):
    pointer: str = Field(description="the place in the body as a JSON pointer, or the name of a parameter")
    detail: str


class Problem(BaseModel):
    """The body of every error response (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] = Field(default=[], description="one entry per invalid field")


def document(status: int, title: str, detail: str, **members: Any) -> Response:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail} | members
    answer = Response(f"{json.dumps(body)}\n", status=status, content_type=MEDIA_TYPE)
    if status == 503:
        answer.headers["Retry-After"] = RETRY_AFTER
    return answer


def response(error: DomainError) -> Response:
    if error.status >= 500:
        log.warning("dependency unavailable", detail=error.detail, cause=repr(error.__cause__))
    answer = document(error.status, error.title, error.detail, **error.members)
    answer.headers.update(error.headers)
    return answer


def invalid(error: ValidationError, *, patchable: bool = False) -> Invalid:
    """Names each invalid field and what is wrong, never its value, which may be a card number.

    With `patchable`, a missing field adds a hint to use PATCH instead of PUT.
    """
    details = error.errors(include_url=False, include_input=False)
    optional = {e["loc"][:-1] for e in details if e["type"] == "none_required"}
    fields = [
        {
            "pointer": pointer(_field(e["loc"], optional)),
            "detail": _detail(e["type"], e["msg"], e.get("ctx", {})),
        }
        for e in details
        if e["type"] != "none_required"
    ]
    hint = PUT_NEEDS_ALL if patchable and any(e["type"] == "missing" for e in details) else ""
    return Invalid(f"Some fields are not valid.{hint}", errors=fields)


def _detail(kind: str, text: str, limits: Mapping[str, Any]) -> str:
    if limits.get("min_length") == 1:
        return EMPTY
    if kind in FIELD_DETAILS:
        return FIELD_DETAILS[kind].format_map(limits)
    return text.removeprefix("Value error, ")


def _field(location: tuple[object, ...], optional: Collection[tuple[object, ...]]) -> tuple[object, ...]:
    """The location without the member of a union, which pydantic adds for an optional parameter."""
    for place in optional:
        if location[: len(place)] == place:
            return *place, *location[len(place) + 1 :]
    return location


def pointer(location: Iterable[object]) -> str:
    """A JSON pointer (RFC 6901) of at most 200 characters, since a client may send long names."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)[:200]


def http_error(error: HTTPException) -> Any:
    """The problem document for an error of Flask or werkzeug. A redirect or a ready response is returned unchanged."""
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()
    status = error.code or 500
    answer = document(status, error.name, DETAILS.get(status, error.description or error.name))
    allow = [header for header in error.get_headers() if header[0] == "Allow"]
    answer.headers.extend(allow)
    return answer
