"""AWS clients with bounded time-outs that respect the request's deadline, and what their errors mean."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionError,  # noqa: A004 botocore's own, wider than the built-in of that name
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
)

from chassis import deadline, emulator
from chassis.errors import Misconfigured, Unavailable


class Timeouts(NamedTuple):
    """Seconds to connect and to read, and the attempts in all; botocore's defaults add up to minutes."""

    connect: float
    read: float
    attempts: int


REQUEST = Timeouts(0.5, 1.0, 2)
ONE_SHOT = Timeouts(0.5, 0.5, 1)
RELAY = Timeouts(1.0, 10.0, 1)  # nobody waits for it, and each try without an answer may have published once more
LONG_POLL = Timeouts(0.5, 25.0, 1)  # SQS holds a receive for up to 20 s

NO_ANSWER = (HTTPClientError, ConnectionError, CredentialRetrievalError, NoCredentialsError)
# Not the request's fault: the service is busy, or whoever runs it has something to mend. A consumer waits for both.
# A token that is used already is a repetition's, for each is used once: the try before was taken, and its answer lost.
NOT_NOW = {
    "AccessDeniedException", "ExpiredTokenException", "IdempotentParameterMismatchException", "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException", "RequestLimitExceeded", "ResourceNotFoundException", "ServiceUnavailable",
    "ThrottlingException", "TransactionConflictException", "TransactionInProgressException",
    "UnrecognizedClientException",
}  # fmt: skip


class DeadlineExceeded(HTTPClientError):
    """The request's time is up, so this call was not sent."""

    def __init__(self) -> None:
        super().__init__(error="the request's deadline has passed")


def client(service: str, env: Mapping[str, str], timeouts: Timeouts = REQUEST) -> Any:
    """A thread-safe client; the endpoint and the credentials are boto3's to find (`AWS_ENDPOINT_URL`, profiles, roles).

    DynamoDB's takes and gives plain Python values, as boto3's resource does. Raises Misconfigured without a region
    for AWS, and with made-up credentials for it.
    """
    config = Config(
        connect_timeout=timeouts.connect,
        read_timeout=timeouts.read,
        retries={"mode": "standard", "total_max_attempts": timeouts.attempts},
        max_pool_connections=32,
    )
    named = env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION")  # boto3 itself reads only the second
    session = boto3.Session(region_name=named or None)
    region = session.region_name or (emulator.REGION if env.get("AWS_ENDPOINT_URL") else None)
    if not region:
        raise Misconfigured("There is no AWS region: set AWS_REGION, for example AWS_REGION=eu-west-1.")
    if service == "dynamodb":
        made = session.resource("dynamodb", region, config=config).meta.client
    else:
        made = session.client(service, region, config=config)  # type: ignore[call-overload] # the name is a variable
    emulator.refuse_made_up(session, made)
    made.meta.events.register("before-send", _check_deadline)
    return made


def _check_deadline(**_: Any) -> None:
    if deadline.remaining() <= 0:
        raise DeadlineExceeded


@contextmanager
def unavailable(dependency: str) -> Iterator[None]:
    """Turns "no answer" and "not now" into Unavailable; any other error is the caller's to know, or a bug."""
    try:
        yield
    except NO_ANSWER as error:
        raise Unavailable(f"{dependency} does not answer.") from error
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status < 500 and error.response["Error"]["Code"] not in NOT_NOW:
            raise
        raise Unavailable(f"{dependency} cannot serve this now.") from error


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
