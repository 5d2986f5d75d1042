"""Makes a client's calls. Botocore prepares the first call of each operation, and later ones reuse what is the same."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from chassis.aws.answers import NotFromAWS
from chassis.aws.fast.calls import Calls, Outcome
from chassis.aws.fast.http1 import Response
from chassis.aws.fast.shapes import Convert, Unusual, reader, writer
from chassis.aws.fast.signing import Scope


class Known(NamedTuple):
    """What all calls of an operation have in common."""

    model: Any
    url: str
    headers: Mapping[str, str]
    context: Mapping[str, Any]
    scope: Scope
    write: Convert
    read: Convert


class Operations:
    """Replaces botocore's `_make_api_call`, which is `make_api_call` here, in two steps.

    The first call of an operation goes through botocore up to its event `before-call`. The handler of this event sends
    it, unless another one has returned a response, such as that of botocore's `Stubber`. Later calls skip botocore's
    checks, conversions and choice of an endpoint. Values that chassis.aws.fast.shapes does not know are left to it.
    """

    def __init__(self, client: Any, calls: Calls, make_api_call: Callable[..., Any]) -> None:
        self._client = client
        self._calls = calls
        self._make_api_call = make_api_call
        self._known: dict[str, Known] = {}
        client.meta.events.register_last("before-call", self._first)

    def make(self, operation: str, given: dict[str, Any]) -> Any:
        """The response with Python values. Raises as a client's method does."""
        try:
            known = self._known[operation]
            body = json.dumps(known.write(given)).encode()
        except LookupError:
            return self._make_api_call(operation, given)
        context = {**known.context}
        params = {"url": known.url, "headers": known.headers, "body": body, "context": context}
        response, parsed = self._calls.make(known.model, params, known.scope)
        facts = {"http_response": response, "parsed": parsed, "model": known.model, "context": context}
        self._calls.emit("after-call", operation, **facts)
        if response.status_code >= 300:
            code = context.get("error_code_override") or parsed["Error"]["Code"]
            raise self._client.exceptions.from_code(code)(parsed, operation)
        return known.read(_json(response)) | parsed

    def _first(
        self, model: Any, params: dict[str, Any], context: dict[str, Any], request_signer: Any, **_: Any
    ) -> Outcome | None:
        scope = self._calls.prepare(model, params, context, request_signer)
        if scope is None:
            return None
        with suppress(Unusual, RecursionError):
            same = params["url"], params["headers"], {**context}, scope
            self._known[model.name] = Known(model, *same, writer(model.input_shape), reader(model.output_shape))
        return self._calls.make(model, params, scope, model.output_shape)


def _json(response: Response) -> Any:
    try:
        return json.loads(response.content or b"{}")
    except ValueError:
        raise NotFromAWS(response.status_code, "the body is not JSON") from None
