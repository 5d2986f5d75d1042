"""Requests that gunicorn refuses before a route sees them: which answer each of its errors means."""

import re
from http import HTTPStatus

import structlog
from flask import Response
from gunicorn.http import errors

from chassis import logs, problems

MAX_LINE, MAX_FIELDS, MAX_FIELD = 4094, 100, 8190  # gunicorn's limits, in bytes and in fields

Refusal = tuple[type[Exception] | tuple[type[Exception], ...], int, str]
REFUSALS: tuple[Refusal, ...] = (
    (errors.LimitRequestLine, 414, f"Method, path and query may have {MAX_LINE} bytes in all."),
    (errors.LimitRequestHeaders, 431, f"At most {MAX_FIELDS} header fields of {MAX_FIELD} bytes each are read."),
    (errors.ExpectationFailed, 417, "The only expectation that can be met is `Expect: 100-continue`."),
    (errors.UnsupportedTransferCoding, 501, "The only transfer coding that can be undone is `chunked`."),
    (errors.InvalidHTTPVersion, 400, "The first line must end with `HTTP/1.1`."),
    (errors.InvalidRequestMethod, 400, "A method has 3 to 20 upper-case letters."),
    (errors.InvalidRequestLine, 400, "The first line is none of a request: `GET /path HTTP/1.1`, in ASCII."),
    ((errors.InvalidChunkSize, errors.ChunkMissingTerminator, errors.InvalidChunkExtension),
     400, "The body's chunks are malformed (RFC 9112, section 7.1)."),
    ((errors.InvalidHeader, errors.InvalidHeaderName, errors.ObsoleteFolding), 400, "A header field is malformed"),
)  # fmt: skip

log = structlog.stdlib.get_logger(__name__)


def response(error: Exception) -> Response:
    """A 500 for what is no refusal; nothing of the request is repeated but a header field's name."""
    status, detail = next(
        ((status, detail) for kinds, status, detail in REFUSALS if isinstance(error, kinds)),
        (500, problems.INTERNAL),
    )
    if isinstance(error, errors.InvalidHTTPVersion) and isinstance(error.version, tuple):
        status = 505  # it is well-formed, but another one
    name = str(getattr(error, "hdr", ""))
    if status == 400 and detail.startswith("A header"):
        detail += f": `{name}`." if re.fullmatch("[A-Za-z-]{1,40}", name) else ", or one is there that may not be."
    return problems.document(status, HTTPStatus(status).phrase, detail)


def raw(error: Exception, client: str) -> bytes:
    """The same as bytes, for a connection that ends with it; in the log under the answer's correlation id."""
    structlog.contextvars.clear_contextvars()
    answer = response(error)
    answer.headers["X-Correlation-Id"] = logs.correlation_id()
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Connection"] = "close"
    if answer.status_code >= 500 and not isinstance(error, errors.ParseException):
        log.error("unexpected error", exc_info=error)
    log.info("request refused", status=answer.status_code, client=client, reason=type(error).__name__)
    return f"HTTP/1.1 {answer.status}\r\n{answer.headers}".encode("latin-1") + answer.get_data()
