"""Problem documents (RFC 9457): the one place where an error becomes an answer."""

from collections.abc import Collection, Iterable
from typing import Any, ClassVar

import structlog
from flask import Response, json
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import HTTPException

from chassis.core.errors import DomainError, Invalid

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = "2"
INTERNAL = "Something broke here; the log has it under the correlation id."
DETAILS = {
    404: "There is nothing at this path: `/docs` lists the paths, and none of those ends with a slash.",
    405: "This path does not know the method: see the `Allow` header.",
    413: "The body is larger than 64 KB.",
}

# In words that say what to do, where pydantic's say only what is wrong.
ADVICE = {"missing": "is required", "extra_forbidden": "is not known here: leave it out"}
WHOLE = (
    " PUT replaces the whole, so every required field has to be there. To change only the fields you send, use PATCH."
)

log = structlog.stdlib.get_logger(__name__)


class UnsupportedMediaType(DomainError):
    status, title = 415, "Unsupported media type"
    headers: ClassVar = {"Accept": "application/json"}

    def __init__(self, detail: str = "Send JSON, with `Content-Type: application/json`.") -> None:
        super().__init__(detail)


class UnsupportedCoding(UnsupportedMediaType):
    headers: ClassVar = {"Accept-Encoding": "identity"}  # RFC 9110, section 15.5.16

    def __init__(self) -> None:
        super().__init__("Send the body as it is, without compression and without `Content-Encoding`.")


class FieldError(BaseModel):
    pointer: str = Field(description="where in the request, as a JSON pointer or a parameter's name")
    detail: str


class Problem(BaseModel):
    """What every error answers (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[FieldError] = Field(default=[], description="one per field that is not valid")


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
    """Names each field and what it should be, never the value it had (it may be a card number).

    `patchable` is for a PUT where there is a PATCH too: whoever leaves fields out may have wanted that.
    """
    told = error.errors(include_url=False, include_context=False, include_input=False)
    optional = {e["loc"][:-1] for e in told if e["type"] == "none_required"}
    fields = [
        {
            "pointer": pointer(_field(e["loc"], optional)),
            "detail": ADVICE.get(e["type"], e["msg"].removeprefix("Value error, ")),
        }
        for e in told
        if e["type"] != "none_required"
    ]
    hint = WHOLE if patchable and any(e["type"] == "missing" for e in told) else ""
    return Invalid(f"Some fields are not valid.{hint}", errors=fields)


def _field(location: tuple[object, ...], optional: Collection[tuple[object, ...]]) -> tuple[object, ...]:
    """Without the name that pydantic gives to the one type that an optional parameter has."""
    for place in optional:
        if location[: len(place)] == place:
            return *place, *location[len(place) + 1 :]
    return location


def pointer(location: Iterable[object]) -> str:
    """RFC 6901; cut, for a client may have made up a long name."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)[:200]


def http_error(error: HTTPException) -> Any:
    """Flask's and werkzeug's own errors; an answer that is ready (a validation error, a redirect) passes."""
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()
    status = error.code or 500
    answer = document(status, error.name, DETAILS.get(status, error.description or error.name))
    allow = [header for header in error.get_headers() if header[0] == "Allow"]
    answer.headers.extend(allow)
    return answer
