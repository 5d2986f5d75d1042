"""The headers that every response carries."""

from flask import Response

from chassis.core import logs

CORRELATION_ID = "X-Correlation-Id"
TRACEPARENT = "traceparent"  # W3C Trace Context


def add_common(response: Response) -> None:
    response.headers[CORRELATION_ID] = logs.correlation_id()
    response.headers["X-Content-Type-Options"] = "nosniff"
