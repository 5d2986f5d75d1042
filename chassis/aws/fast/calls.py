"""Makes a client's calls in botocore's event `before-call`. Botocore sends nothing if a handler returns a response."""

import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, NoCredentialsError
from botocore.hooks import first_non_none_response
from botocore.httpsession import get_cert_path
from botocore.parsers import create_parser
from botocore.session import Session
from botocore.utils import get_environ_proxies

from chassis.aws.fast.connections import Connections, place_of
from chassis.aws.fast.http1 import Response
from chassis.aws.fast.signing import Scope, sign
from chassis.aws.transport import bounded
from chassis.core import deadline

Outcome = tuple[Response, dict[str, Any]]
PROTOCOL = "json"  # that of DynamoDB, EventBridge and SQS
PARSER = create_parser(PROTOCOL)


def attach(client: Any, session: Session, connect: float, read: float) -> bool:
    """Makes the calls of `client` from now on, within the request's deadline. `session` made the client.

    Returns False, and does nothing, if it cannot: its service has another protocol, or its endpoint a path or a proxy.
    The time-outs are in seconds.
    """
    url, meta = client.meta.endpoint_url, client.meta
    place = place_of(url)
    usual = (meta.service_model.resolved_protocol, meta.config.signature_version, place.target) == (PROTOCOL, "v4", "/")
    if not usual or get_environ_proxies(url).get(place.scheme):
        return False
    authorities: Any = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE") or True
    connections = Connections(connect, read, str(get_cert_path(authorities)))
    frozen = Keys(session.get_credentials(), connect + read).frozen
    meta.events.register_last("before-call", Calls(client, frozen, connections).call)
    return True


class Keys:
    """The credentials of a session. If they must be fetched, the caller waits at most until the request's deadline."""

    def __init__(self, credentials: Any, attempt: float) -> None:
        self._credentials = credentials
        self._fetch = bounded(self._frozen, attempt)

    def frozen(self) -> ReadOnlyCredentials:
        """Raises NoCredentialsError if there are none."""
        if getattr(self._credentials, "refresh_needed", bool)():
            return self._fetch()  # type: ignore[no-any-return] # what `_frozen` returns
        return self._frozen()

    def _frozen(self) -> ReadOnlyCredentials:
        if self._credentials is None:
            raise NoCredentialsError
        return self._credentials.get_frozen_credentials()  # type: ignore[no-any-return] # it has no type


class Calls:
    """Gets the serialized request of a call, and returns the response and its parsed body.

    Before each attempt it emits `before-send`, as botocore does: chassis.aws.transport sends the request, or a test
    returns a response. After each attempt it emits `needs-retry`: botocore decides about another one.
    """

    def __init__(self, client: Any, frozen: Callable[[], ReadOnlyCredentials], connections: Connections) -> None:
        self._emit: Callable[..., Any] = client.meta.events.emit
        self._service = client.meta.service_model.service_id.hyphenize()
        self._frozen = frozen
        self._connections = connections

    def call(
        self, model: Any, params: dict[str, Any], context: dict[str, Any], request_signer: Any, **_: Any
    ) -> Outcome | None:
        """Returns None if the call needs another signature, path or response format. Then botocore makes it."""
        version = context.get("auth_type") or request_signer.signature_version
        place = place_of(params["url"])
        if version != "v4" or place.target != "/" or model.has_event_stream_output:
            return None
        context["session"] = self._connections
        params["headers"]["Host"] = place.header
        scope = _scope(context, request_signer)
        attempts, outcome = 1, self._attempt(model, params, scope)
        while (delay := self._delay(model, params, attempts, outcome)) is not None and delay < deadline.remaining():
            time.sleep(delay)
            attempts, outcome = attempts + 1, self._attempt(model, params, scope)
        if isinstance(outcome, BotoCoreError):
            raise outcome
        outcome[1]["ResponseMetadata"]["RetryAttempts"] = attempts - 1
        return outcome

    def _attempt(self, model: Any, params: dict[str, Any], scope: Scope) -> Outcome | BotoCoreError:
        headers: Any = sign(params["headers"], params["body"], self._frozen(), scope, datetime.now(UTC))
        request: Any = AWSPreparedRequest("POST", params["url"], headers, params["body"], stream_output=False)
        request.context = params["context"]
        try:
            responses = self._emit(f"before-send.{self._service}.{model.name}", request=request)
            response = first_non_none_response(responses) or self._connections.send(request)
        except BotoCoreError as error:
            return error
        return response, _parsed(model, response)

    def _delay(
        self, model: Any, params: dict[str, Any], attempts: int, outcome: Outcome | BotoCoreError
    ) -> float | None:
        """Seconds until the next attempt, or None for no other attempt."""
        failed = isinstance(outcome, BotoCoreError)
        responses = self._emit(
            f"needs-retry.{self._service}.{model.name}",
            response=None if failed else outcome,
            endpoint=None,
            operation=model,
            attempts=attempts,
            caught_exception=outcome if failed else None,
            request_dict=params,
        )
        delay = first_non_none_response(responses)
        return None if delay is False else delay


def _scope(context: Mapping[str, Any], signer: Any) -> Scope:
    signing = context.get("signing", {})
    return Scope(signing.get("region", signer.region_name), signing.get("signing_name", signer.signing_name))


def _parsed(model: Any, response: Response) -> dict[str, Any]:
    """Parsed as in botocore's Endpoint. An error is parsed a second time for the fields of its own type."""
    raw = {"status_code": response.status_code, "headers": response.headers, "body": response.content, "context": {}}
    parsed: dict[str, Any] = PARSER.parse(raw, model.output_shape)
    if response.status_code >= 300:
        shape = model.service_model.shape_for_error_code(parsed.get("Error", {}).get("Code"))
        if shape is not None:
            parsed |= PARSER.parse(raw, shape)
    return parsed
