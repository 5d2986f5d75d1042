"""HTTP requests, as function URLs and API Gateway pass them to a function. The caller waits for the response."""

from typing import Any

from apig_wsgi import make_lambda_handler

from chassis.core import metrics
from chassis.functions.handlers import Context, Handler

# All others are sent in Base64, which a function URL decodes.
TEXT = ("text/", "application/json", "application/problem+json", "image/svg+xml")


def handler(app: Any) -> Handler:
    """Of a WSGI app. Its own deadline for a request is shorter than the function's time-out."""
    respond = make_lambda_handler(app, non_binary_content_type_prefixes=TEXT)

    def handle(event: Any, context: Context) -> Any:
        try:
            return respond(event, context)
        finally:
            metrics.report()

    return handle
