"""Requests that gunicorn refuses before a route sees them: which answer each of its errors means."""

import re
from http import HTTPStatus

import structlog
from flask import Response
from gunicorn.http import errors

from chassis.core import logs
from chassis.web import problems
from chassis.web.sockets import MAX_FIELD, MAX_FIELDS, MAX_LINE

CHUNKS = (400, "The body's chunks are malformed (RFC 9112, section 7.1).")
REFUSALS: dict[type[Exception], tuple[int, str]] = {
    errors.LimitRequestLine: (414, f"Method, path and query may have {MAX_LINE} bytes in all."),
    errors.LimitRequestHeaders: (431, f"At most {MAX_FIELDS} header fields of {MAX_FIELD} bytes each are read."),
    errors.ExpectationFailed: (417, "The only expectation that can be met is `Expect: 100-continue`."),
    errors.UnsupportedTransferCoding: (501, "The only transfer coding that can be undone is `chunked`."),
    errors.InvalidHTTPVersion: (400, "The first line must end with `HTTP/1.1`."),
    errors.InvalidRequestMethod: (400, "A method has 3 to 20 upper-case letters."),
    errors.InvalidRequestLine: (400, "The first line is none of a request: `GET /path HTTP/1.1`, in ASCII."),
    errors.InvalidHeader: (400, "A header field{} is malformed, or may not be there."),
    errors.InvalidHeaderName: (400, "A header field{} has a malformed name, or may not be there."),
    errors.ObsoleteFolding: (400, "A header field{} has several lines."),
} | dict.fromkeys((errors.InvalidChunkSize, errors.ChunkMissingTerminator, errors.InvalidChunkExtension), CHUNKS)

log = structlog.stdlib.get_logger(__name__)


def response(error: Exception) -> Response:
    """A 500 for what is no refusal; nothing of the request is repeated but a header field's name."""
    status, detail = REFUSALS.get(type(error), (500, problems.INTERNAL))
    if isinstance(getattr(error, "version", None), tuple):
        status = 505  # it is well-formed, but another version
    name = re.fullmatch("[A-Za-z-]{1,40}", str(getattr(error, "hdr", "")))
    return problems.document(status, HTTPStatus(status).phrase, detail.format(f" `{name[0]}`" if name else ""))


def raw(error: Exception, client: str) -> bytes:
    """The same as bytes, for a connection that ends with it; in the log under the answer's correlation id."""
    structlog.contextvars.clear_contextvars()
    answer = response(error)
    answer.headers["X-Correlation-Id"] = logs.correlation_id()
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Connection"] = "close"
    bug = None if type(error) in REFUSALS else error
    log.info("request refused", status=answer.status_code, client=client, reason=type(error).__name__, exc_info=bug)
    return f"HTTP/1.1 {answer.status}\r\n{answer.headers}".encode("latin-1") + answer.get_data()
