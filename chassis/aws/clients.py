"""AWS clients with bounded time-outs that respect the request's deadline, and what their errors mean."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from chassis.aws import emulator
from chassis.aws.transport import Transport, bounded
from chassis.core.errors import Misconfigured, Refused, Unavailable


class Timeouts(NamedTuple):
    """Seconds to connect and to read, and the attempts in all; botocore's defaults add up to minutes."""

    connect: float
    read: float
    attempts: int


REQUEST = Timeouts(0.5, 1.0, 2)
ONE_SHOT = Timeouts(0.5, 0.5, 1)
RELAY = Timeouts(1.0, 10.0, 1)  # nobody waits for it, and each try without an answer may have published once more
LONG_POLL = Timeouts(0.5, 25.0, 1)  # SQS holds a receive for up to 20 s

# The refusals that a caller can tell apart, or that are a bug of ours. Whatever else AWS refuses, by a code that
# anybody may invent tomorrow, is "not now": it is busy, or whoever runs it has something to mend.
FOR_THE_CALLER = {
    "ConditionalCheckFailedException", "SerializationException", "TransactionCanceledException", "ValidationException",
}  # fmt: skip
# Each token is used once, so these are answers to a repetition: the try before was taken, and its answer lost.
OF_A_REPETITION = {"IdempotentParameterMismatchException", "TransactionInProgressException"}


class Clients:
    """The AWS clients of one process: one per service and set of time-outs, all of one session.

    boto3 itself finds the endpoint and the credentials (`AWS_ENDPOINT_URL`, profiles, roles).
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        named = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION")  # boto3 itself reads only the second
        self._session = boto3.Session(region_name=named or None)
        self._has_endpoint = bool(env.get("AWS_ENDPOINT_URL"))
        self._made: dict[tuple[str, Timeouts], Any] = {}

    def of(self, service: str, timeouts: Timeouts = REQUEST) -> Any:
        """A thread-safe client. DynamoDB's takes and returns plain Python values, as boto3's resource does.

        Raises Misconfigured without a region for AWS, and with made-up credentials for it.
        """
        if (service, timeouts) not in self._made:
            self._made[service, timeouts] = self._make(service, timeouts)
        return self._made[service, timeouts]

    def _make(self, service: str, timeouts: Timeouts) -> Any:
        config = Config(
            connect_timeout=timeouts.connect,
            read_timeout=timeouts.read,
            retries={"mode": "standard", "total_max_attempts": timeouts.attempts},
            max_pool_connections=32,
        )
        region = self._session.region_name or (emulator.REGION if self._has_endpoint else None)
        if not region:
            raise Misconfigured("There is no AWS region: set AWS_REGION, for example AWS_REGION=eu-west-1.")
        if service == "dynamodb":
            made = self._session.resource("dynamodb", region, config=config).meta.client
        else:
            made = self._session.client(service, region, config=config)  # type: ignore[call-overload] # a variable
        emulator.refuse_made_up(self._session, made)
        return _guarded(made, timeouts)


def _guarded(made: Any, timeouts: Timeouts) -> Any:
    """Botocore has no public way to its HTTP session, nor around a call; these two names are what tracers use."""
    made.meta.events.register("before-send", Transport(made._endpoint.http_session).send)  # noqa: SLF001
    made.meta.events.register("after-call", _tell_of_unanswered)
    made._make_api_call = bounded(made._make_api_call, timeouts.connect + timeouts.read)  # noqa: SLF001
    return made


def _tell_of_unanswered(parsed: dict[str, Any], context: Mapping[str, Any], **_: Any) -> None:
    if context.get("unanswered"):
        parsed["ResponseMetadata"]["Unanswered"] = True


def was_unanswered(response: Mapping[str, Any]) -> bool:
    """True if a try before the one that got `response` may have taken effect."""
    return bool(response["ResponseMetadata"].get("Unanswered"))


@contextmanager
def unavailable(dependency: str) -> Iterator[None]:
    """Turns "no answer" into Unavailable and "not now" into Refused; other errors are the caller's to know, or bugs."""
    try:
        yield
    except ParamValidationError:
        raise
    except BotoCoreError as error:
        raise Unavailable(f"{dependency} does not answer.") from error
    except ClientError as error:
        response: Any = error.response
        code, status = response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
        if status < 500 and code in FOR_THE_CALLER:
            raise
        unknown = status >= 500 or code in OF_A_REPETITION or was_unanswered(response)
        raise (Unavailable if unknown else Refused)(f"{dependency} cannot serve this now.") from error


def old_item(error: ClientError) -> dict[str, Any]:
    """The row that a failed condition met, empty if there was none.

    For calls with `ReturnValuesOnConditionCheckFailure=ALL_OLD`; botocore leaves the row in wire format.
    """
    response: dict[str, Any] = dict(error.response)
    read = TypeDeserializer().deserialize
    return {name: read(value) for name, value in response.get("Item", {}).items()}


def is_condition_failure(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def is_conflict(error: ClientError) -> bool:
    """Another's transaction holds the row: this try, surely, wrote nothing."""
    return error.response["Error"]["Code"] == "TransactionConflictException"
