"""Turns the errors that gunicorn raises before routing (RFC 9112) into problem documents."""

import re
from http import HTTPStatus

import structlog
from flask import Response
from gunicorn.http import errors

from chassis.web import headers, problems
from chassis.web.sockets import MAX_FIELD, MAX_FIELDS, MAX_LINE

CHUNKS = (400, "A chunk of the body is malformed (RFC 9112, section 7.1).")
STATUS_AND_DETAIL: dict[type[Exception], tuple[int, str]] = {
    errors.LimitRequestLine: (414, f"Method, path and query may have at most {MAX_LINE} bytes together."),
    errors.LimitRequestHeaders: (431, f"A request may have {MAX_FIELDS} header fields of {MAX_FIELD} bytes each."),
    errors.ExpectationFailed: (417, "The only supported expectation is `Expect: 100-continue`."),
    errors.UnsupportedTransferCoding: (501, "The only supported transfer coding is `chunked`."),
    errors.InvalidHTTPVersion: (400, "The request line must end with `HTTP/1.1`."),
    errors.InvalidRequestMethod: (400, "The method must have 3 to 20 upper-case letters."),
    errors.InvalidRequestLine: (400, "The request line must have the form `GET /path HTTP/1.1`, in ASCII."),
    errors.InvalidHeader: (400, "The header field{} is malformed or not allowed."),
    errors.InvalidHeaderName: (400, "The name of the header field{} is malformed or not allowed."),
    errors.ObsoleteFolding: (400, "The header field{} must be on one line."),
} | dict.fromkeys((errors.InvalidChunkSize, errors.ChunkMissingTerminator, errors.InvalidChunkExtension), CHUNKS)

log = structlog.stdlib.get_logger(__name__)


def response(error: Exception) -> Response:
    """A problem document; status 500 for an error that is not listed.

    It repeats nothing of the request except the name of a header field.
    """
    status, detail = STATUS_AND_DETAIL.get(type(error), (500, problems.INTERNAL))
    if isinstance(getattr(error, "version", None), tuple):
        status = 505  # the version is well-formed but unsupported
    name = re.fullmatch("[A-Za-z-]{1,40}", str(getattr(error, "hdr", "")))
    return problems.document(status, HTTPStatus(status).phrase, detail.format(f" `{name[0]}`" if name else ""))


def raw_response(error: Exception, client: str) -> bytes:
    """The bytes of `response(error)`, for a connection that is closed afterwards. Logs one line."""
    structlog.contextvars.clear_contextvars()
    answer = response(error)
    headers.add_common(answer)
    answer.headers["Connection"] = "close"
    bug = None if type(error) in STATUS_AND_DETAIL else error
    log.info("request rejected", status=answer.status_code, client=client, reason=type(error).__name__, exc_info=bug)
    return f"HTTP/1.1 {answer.status}\r\n{answer.headers}".encode("latin-1") + answer.get_data()
