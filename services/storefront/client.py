"""The HTTP client of the services' APIs."""

import json
from collections.abc import Mapping
from typing import Any

import urllib3

from chassis import tracing
from chassis.core import deadline, logs, strictjson
from chassis.core.errors import Unavailable
from services.storefront.models import Refusal, Visitor

# Seconds per call. A service answers within 5 s, so that the storefront learns what it says.
TIMEOUT, CONNECT = 6.0, 0.5
CONNECTIONS = 16  # one per thread of the web process


class HttpApi:
    """`urls` has the address of each service. A call ends after `timeout` seconds, or at the page's deadline."""

    def __init__(self, urls: Mapping[str, str], timeout: float = TIMEOUT) -> None:
        self._urls = {name: url.rstrip("/") for name, url in urls.items()}
        self._timeout = timeout
        self._http = urllib3.PoolManager(maxsize=CONNECTIONS, retries=False)

    def ask(
        self,
        visitor: Visitor,
        service: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        left = min(self._timeout, deadline.remaining())
        if left <= 0:
            raise Unavailable(f"There was no time left to ask {service}.")
        try:
            with tracing.span("call", f"{service}.{method}"):
                answer = self._http.request(
                    method,
                    f"{self._urls[service]}{path}",
                    body=None if body is None else json.dumps(body),
                    headers=_headers(visitor, body is not None) | dict(headers or {}),
                    timeout=urllib3.Timeout(connect=min(CONNECT, left), read=left),
                    redirect=False,
                )
            document = strictjson.loads(answer.data) if answer.data else {}
        except (urllib3.exceptions.HTTPError, ValueError, RecursionError) as error:
            raise Unavailable(f"The service {service} does not answer.") from error
        if answer.status >= 300 or not isinstance(document, dict):
            raise Refusal(answer.status, document if isinstance(document, dict) else {})
        return document


def _headers(visitor: Visitor, has_body: bool) -> dict[str, str]:  # noqa: FBT001 private
    """The services count the visitor's requests, and not the storefront's, against SHOP_RATE_LIMIT."""
    sent = {"X-Correlation-Id": logs.correlation_id(), "Accept": "application/json"}
    sent |= {"traceparent": trace} if (trace := tracing.traceparent()) else {}
    sent |= {"X-Forwarded-For": visitor.address} if visitor.address else {}
    sent |= {"Authorization": f"Bearer {visitor.token}"} if visitor.token else {}
    return sent | ({"Content-Type": "application/json"} if has_body else {})
