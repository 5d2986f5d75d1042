"""A span for each call to AWS that is part of a trace."""

from collections.abc import Callable, Mapping
from typing import Any

from chassis import tracing

Call = Callable[[str, Mapping[str, Any]], Any]
RESOURCES = ("TableName", "QueueUrl", "stateMachineArn")  # the parameters that name what is called


def traced(call: Call, service: str) -> Call:
    """`call` itself, without any cost, in a process that records no spans.

    A call outside of all spans is not recorded, because those are the polls and sweeps of a process that has no work.
    """

    def traced_call(operation: str, parameters: Mapping[str, Any]) -> Any:
        if tracing.current() is None:
            return call(operation, parameters)
        with tracing.span("call", f"{service}.{operation}") as span:
            if on := next((parameters[name] for name in RESOURCES if name in parameters), None):
                span.fields["on"] = on
            answer = call(operation, parameters)
            if retries := answer["ResponseMetadata"].get("RetryAttempts"):
                span.fields["retries"] = retries
            return answer

    return traced_call if tracing.is_on() else call
