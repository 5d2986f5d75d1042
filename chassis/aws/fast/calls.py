"""Sends the serialized requests of a client, with its attempts, and parses the responses."""

import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, NoCredentialsError
from botocore.hooks import first_non_none_response
from botocore.parsers import create_parser

from chassis.aws.fast.connections import Connections, place_of
from chassis.aws.fast.http1 import Response
from chassis.aws.fast.signing import Scope, sign
from chassis.aws.transport import bounded, in_background
from chassis.core import deadline

Outcome = tuple[Response, dict[str, Any]]
PROTOCOL = "json"  # that of DynamoDB, EventBridge and SQS
PARSER = create_parser(PROTOCOL)
SPARE = 60  # seconds: with credentials that expire earlier no call begins


class Keys:
    """The credentials of a session. Those of a role are renewed in the background, fifteen minutes before they expire.

    If none are valid for another minute, the caller waits for new ones, at most until the request's deadline.
    """

    def __init__(self, credentials: Any, attempt: float) -> None:
        self._credentials = credentials
        self._fetch = bounded(self._frozen, attempt)
        self._renewal: Future[Any] | None = None

    def frozen(self) -> ReadOnlyCredentials:
        """Raises NoCredentialsError if there are none."""
        refresh_needed = getattr(self._credentials, "refresh_needed", None)
        if refresh_needed is None or not refresh_needed():
            return self._frozen()
        if refresh_needed(SPARE):
            return self._fetch()  # type: ignore[no-any-return] # what `_frozen` returns
        if self._renewal is None or self._renewal.done():
            self._renewal = in_background(self._frozen)  # botocore logs its errors
        # Of the session, because another client may have renewed them. botocore has no public access without a wait.
        return self._credentials._frozen_credentials  # type: ignore[no-any-return] # noqa: SLF001 see above

    def _frozen(self) -> ReadOnlyCredentials:
        if self._credentials is None:
            raise NoCredentialsError
        return self._credentials.get_frozen_credentials()  # type: ignore[no-any-return] # it has no type


class Calls:
    """Gets the serialized request of a call, and returns the response and its parsed body.

    Before each attempt it emits `before-send`, as botocore does: chassis.aws.transport sends the request, or a test
    returns a response. After each attempt it emits `needs-retry`: botocore decides about another one. It does not ask
    after a first attempt that succeeded.
    """

    def __init__(self, client: Any, frozen: Callable[[], ReadOnlyCredentials], connections: Connections) -> None:
        self._emit: Callable[..., Any] = client.meta.events.emit
        self._service = client.meta.service_model.service_id.hyphenize()
        self._frozen = frozen
        self._connections = connections

    def emit(self, event: str, operation: str, /, **facts: Any) -> Any:
        """The first response of a handler, or None."""
        return first_non_none_response(self._emit(f"{event}.{self._service}.{operation}", **facts))

    def prepare(self, model: Any, params: dict[str, Any], context: dict[str, Any], signer: Any) -> Scope | None:
        """Adds what `make` needs. Returns None if the call needs another signature, path or response format."""
        version = context.get("auth_type") or signer.signature_version
        place = place_of(params["url"])
        if version != "v4" or place.target != "/" or model.has_event_stream_output:
            return None
        context["session"] = self._connections
        params["headers"]["Host"] = place.header
        signing = context.get("signing", {})
        return Scope(signing.get("region", signer.region_name), signing.get("signing_name", signer.signing_name))

    def make(self, model: Any, params: dict[str, Any], scope: Scope, shape: Any = None) -> Outcome:
        """Without `shape`, the parsed body of a success has the metadata alone."""
        attempts, outcome = 1, self._attempt(model, params, scope, shape)
        while (delay := self._delay(model, params, attempts, outcome)) is not None and delay < deadline.remaining():
            time.sleep(delay)
            attempts, outcome = attempts + 1, self._attempt(model, params, scope, shape)
        if isinstance(outcome, BotoCoreError):
            raise outcome
        outcome[1]["ResponseMetadata"]["RetryAttempts"] = attempts - 1
        return outcome

    def _attempt(self, model: Any, params: dict[str, Any], scope: Scope, shape: Any) -> Outcome | BotoCoreError:
        headers: Any = sign(params["headers"], params["body"], self._frozen(), scope, datetime.now(UTC))
        request: Any = AWSPreparedRequest("POST", params["url"], headers, params["body"], stream_output=False)
        request.context = params["context"]
        try:
            response = self.emit("before-send", model.name, request=request) or self._connections.send(request)
        except BotoCoreError as error:
            return error
        return response, _parsed(model, shape, response)

    def _delay(
        self, model: Any, params: dict[str, Any], attempts: int, outcome: Outcome | BotoCoreError
    ) -> float | None:
        """Seconds until the next attempt, or None for no other attempt."""
        failed = isinstance(outcome, BotoCoreError)
        if attempts == 1 and not isinstance(outcome, BotoCoreError) and outcome[0].status_code < 300:
            return None
        delay: float | bool | None = self.emit(
            "needs-retry",
            model.name,
            response=None if failed else outcome,
            endpoint=None,
            operation=model,
            attempts=attempts,
            caught_exception=outcome if failed else None,
            request_dict=params,
        )
        return None if delay is False else delay


def _parsed(model: Any, shape: Any, response: Response) -> dict[str, Any]:
    """Parsed as in botocore's Endpoint. An error is parsed a second time for the fields of its own type."""
    raw = {"status_code": response.status_code, "headers": response.headers, "body": response.content, "context": {}}
    parsed: dict[str, Any] = PARSER.parse(raw, shape)
    if response.status_code >= 300:
        error = model.service_model.shape_for_error_code(parsed.get("Error", {}).get("Code"))
        if error is not None:
            parsed |= PARSER.parse(raw, error)
    return parsed
