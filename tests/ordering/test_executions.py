import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from chassis.core.errors import Unavailable
from services.ordering.executions import StateMachine

TABLE = "arn:aws-cn:dynamodb:cn-north-1:123456789012:table/shop-order"
MACHINE = "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:shop-fulfil-order"


class FakeStepFunctions:
    def __init__(self, error: Exception | None = None, status: str = "RUNNING") -> None:
        self.calls: list[dict[str, Any]] = []
        self._error = error
        self._status = status

    def start_execution(self, **call: Any) -> None:
        self._called(call)

    def describe_execution(self, **call: Any) -> dict[str, str]:
        self._called(call)
        return {"status": self._status}

    def _called(self, call: dict[str, Any]) -> None:
        self.calls.append(call)
        if self._error:
            raise self._error


def machine(client: FakeStepFunctions) -> StateMachine:
    return StateMachine(client, lambda: TABLE, "shop-fulfil-order")


def error_of(code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "StartExecution")


def test_execution_is_started_in_the_account_of_the_table() -> None:
    client = FakeStepFunctions()
    machine(client).start("o-1-1", {"orderId": "o-1"})
    assert client.calls == [{"stateMachineArn": MACHINE, "name": "o-1-1", "input": json.dumps({"orderId": "o-1"})}]


def test_arn_is_asked_for_once_after_it_is_known() -> None:
    asked: list[str] = []

    def neighbour() -> str:
        asked.append(TABLE)
        if len(asked) == 1:
            raise Unavailable("DynamoDB does not answer.")
        return TABLE

    states = StateMachine(FakeStepFunctions(), neighbour, "shop-fulfil-order")
    with pytest.raises(Unavailable):
        states.is_running("o-1-1")
    states.start("o-1-1", {})
    assert states.is_running("o-1-1")
    assert len(asked) == 2


def test_execution_that_exists_counts_as_started() -> None:
    machine(FakeStepFunctions(error_of("ExecutionAlreadyExists"))).start("o-1-1", {})


@pytest.mark.parametrize(
    ("status", "running"),
    [("RUNNING", True), ("SUCCEEDED", False), ("FAILED", False), ("TIMED_OUT", False), ("ABORTED", False)],
)
def test_execution_runs_only_in_that_status(status: str, running: bool) -> None:
    client = FakeStepFunctions(status=status)
    assert machine(client).is_running("o-1-1") is running
    name = MACHINE.replace("stateMachine", "execution")
    assert client.calls == [{"executionArn": f"{name}:o-1-1"}]


def test_execution_that_does_not_exist_is_not_running() -> None:
    assert not machine(FakeStepFunctions(error_of("ExecutionDoesNotExist"))).is_running("o-1-1")


@pytest.mark.parametrize(
    "error",
    [
        error_of("StateMachineDoesNotExist"),
        error_of("ThrottlingException"),
        ConnectTimeoutError(endpoint_url="http://x"),
    ],
)
def test_any_other_failure_says_nothing_about_the_execution(error: Exception) -> None:
    with pytest.raises(Unavailable):
        machine(FakeStepFunctions(error)).start("o-1-1", {})
    with pytest.raises(Unavailable):
        machine(FakeStepFunctions(error)).is_running("o-1-1")
