"""What the errors of AWS clients mean."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from chassis.core.errors import Refused, Unavailable

# Error codes that a caller handles itself, or that show a bug in this code. Every other code, including those that AWS
# may add later, means that AWS is busy or that the operator must change something.
UNTRANSLATED = {
    "ConditionalCheckFailedException", "ExecutionAlreadyExists", "ExecutionDoesNotExist", "InvalidToken",
    "SerializationException", "TaskDoesNotExist", "TaskTimedOut", "TransactionCanceledException", "ValidationException",
}  # fmt: skip
# Each token is used for one call, so these codes mean that AWS has accepted an earlier attempt of the same call.
EARLIER_ATTEMPT_ACCEPTED = {"IdempotentParameterMismatchException", "TransactionInProgressException"}


@contextmanager
def unavailable(dependency: str) -> Iterator[None]:
    """Raises Unavailable if the call may have taken effect, and Refused if it had no effect but may succeed later.

    Other errors pass unchanged: the caller handles them, or they show a bug.
    """
    try:
        yield
    except ParamValidationError:
        raise
    except BotoCoreError as error:
        raise Unavailable(f"{dependency} does not answer.") from error
    except ClientError as error:
        response: Any = error.response
        code, status = response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
        if status < 500 and code in UNTRANSLATED:
            raise
        unknown = status >= 500 or code in EARLIER_ATTEMPT_ACCEPTED or was_unanswered(response)
        raise (Unavailable if unknown else Refused)(f"{dependency} cannot process the request now.") from error


def mark_unanswered(parsed: dict[str, Any], context: Mapping[str, Any], **_: Any) -> None:
    """A handler of botocore's event `after-call`."""
    if context.get("unanswered"):
        parsed["ResponseMetadata"]["Unanswered"] = True


def was_unanswered(response: Mapping[str, Any]) -> bool:
    """True if an attempt before the one that got `response` may have taken effect."""
    return bool(response["ResponseMetadata"].get("Unanswered"))


def old_item(error: ClientError) -> dict[str, Any]:
    """The row that made the condition fail; empty if there is no row.

    The call needs `ReturnValuesOnConditionCheckFailure=ALL_OLD`. botocore leaves that row in DynamoDB's wire format.
    """
    response: dict[str, Any] = dict(error.response)
    read = TypeDeserializer().deserialize
    return {name: read(value) for name, value in response.get("Item", {}).items()}


def is_condition_failure(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"


def is_conflict(error: ClientError) -> bool:
    """True if a transaction of another client holds the row. This attempt wrote nothing."""
    return error.response["Error"]["Code"] == "TransactionConflictException"
