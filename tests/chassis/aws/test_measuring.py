from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chassis.aws.clients import LONG_POLL, REQUEST, Clients
from chassis.aws.measuring import measured

Recorded = Callable[[], dict[str, Any]]


def about(status: int, retries: int = 0) -> Any:
    return {"ResponseMetadata": {"HTTPStatusCode": status, "RetryAttempts": retries}}


def error(status: int, retries: int = 0) -> ClientError:
    return ClientError(about(status, retries) | {"Error": {"Code": "X"}}, "GetItem")


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [
        (about(200), {}),
        (about(200, retries=2), {"AwsRetries": 2}),
        (error(400), {}),
        (error(503, retries=1), {"AwsRetries": 1, "AwsFailures": 1}),
        (EndpointConnectionError(endpoint_url="http://aws"), {"AwsFailures": 1}),
    ],
)
def test_call_is_measured_and_ends_as_before(outcome: Any, counts: Mapping[str, int], measurements: Recorded) -> None:
    def call(*arguments: object) -> Any:
        assert arguments == ("GetItem", {})
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    if isinstance(outcome, Exception):
        with pytest.raises(type(outcome)) as raised:
            measured(call)("GetItem", {})
        assert raised.value is outcome
    else:
        assert measured(call)("GetItem", {}) is outcome
    found = measurements()
    assert len(found.pop("AwsLatency")) == 1
    assert found == counts


@pytest.mark.integration
@pytest.mark.parametrize("transport", ["fast", "boto3"])
@pytest.mark.parametrize(("timeouts", "calls"), [(REQUEST, 1), (LONG_POLL, 0)], ids=["request", "long poll"])
def test_real_calls_are_measured_but_not_long_polls(
    aws_env: Mapping[str, str], transport: str, timeouts: Any, calls: int, measurements: Recorded
) -> None:
    Clients({**aws_env, "SHOP_TRANSPORT": transport}).of("sqs", timeouts).list_queues()
    assert len(measurements().get("AwsLatency", [])) == calls
