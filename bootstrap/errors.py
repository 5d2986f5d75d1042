"""What can go wrong, as one line for the user."""

from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 botocore's own, wider than the built-in of that name
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
)

T = TypeVar("T")
NO_CREDENTIALS = (
    "no AWS credentials: `aws configure`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY; for an emulator set AWS_ENDPOINT_URL instead"
)
NO_REGION = "no AWS region: set AWS_REGION, for example AWS_REGION=eu-west-1"
_GONE = (
    "NonExistentQueue",
    "QueueDoesNotExist",
    "ResourceNotFound",
    "NotFound",
    "NoSuchEntity",
    "StateMachineDoesNotExist",
)
_BAD_IDENTITY = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}


class Failed(Exception):
    """The command failed. The text says why and what to do next."""

    exit_code = 1


class Misused(Failed):
    """The command was not tried, because an argument or a setting is wrong."""

    exit_code = 2


def gone(error: ClientError) -> bool:
    """Whether the error means that the resource does not exist."""
    return any(sign in error.response["Error"]["Code"] for sign in _GONE)


def unless_gone(call: Callable[[], T]) -> T | None:
    """What `call` returns; None if what it asks for does not exist."""
    try:
        return call()
    except ClientError as error:
        if gone(error):
            return None
        raise


def explain(error: BotoCoreError | ClientError) -> str:
    """One line for whatever boto3 raises."""
    if isinstance(error, ClientError):
        return _explain_answer(error)
    if isinstance(error, NoCredentialsError):
        return NO_CREDENTIALS
    if isinstance(error, NoRegionError):
        return NO_REGION
    if isinstance(error, PartialCredentialsError | ProfileNotFound):
        return f"the AWS credentials cannot be used: {_one_line(error)}"
    if isinstance(error, HTTPClientError | ConnectionError):
        return f"no answer: {_one_line(error)} Is the emulator running, or the network down?"
    return _one_line(error)


def _explain_answer(error: ClientError) -> str:
    code = error.response["Error"]["Code"]
    message = " ".join(error.response["Error"].get("Message", "").split())
    if code.startswith("AccessDenied") or code == "UnauthorizedOperation":
        return f"AWS denies {error.operation_name}: {message} Your IAM policy must allow it."
    if code in _BAD_IDENTITY:
        return f"these credentials are not accepted ({code}): renew them, e.g. by `aws sso login`"
    return f"{error.operation_name} failed: {code}: {message}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
