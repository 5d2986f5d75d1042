"""Whatever boto3 raises is one line that helps."""

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    UnknownServiceError,
)

from bootstrap.errors import explain, gone
from tests.bootstrap.fakes import client_error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NoCredentialsError(), "aws configure"),
        (NoRegionError(), "set AWS_REGION"),
        (ProfileNotFound(profile="nope"), "(nope)"),
        (PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), "AWS_SECRET_ACCESS_KEY"),
        (EndpointConnectionError(endpoint_url="http://x:1"), "Is the emulator running"),
        (UnknownServiceError(service_name="x", known_service_names="y"), "Unknown service"),
        (client_error("AccessDenied", "no sqs:CreateQueue"), "no sqs:CreateQueue Your IAM policy must allow it"),
        (client_error("ExpiredToken"), "renew them"),
        (client_error("Throttling", "Rate\nexceeded"), "Operation failed: Throttling: Rate exceeded"),
    ],
)
def test_an_error_is_one_line_that_helps(error: BotoCoreError | ClientError, said: str) -> None:
    assert said in explain(error)
    assert "\n" not in explain(error)


def test_absence_is_told_from_trouble() -> None:
    assert gone(client_error("AWS.SimpleQueueService.NonExistentQueue"))
    assert gone(client_error("ResourceNotFoundException"))
    assert not gone(client_error("AccessDenied"))
