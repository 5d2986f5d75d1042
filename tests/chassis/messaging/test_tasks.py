import json
from collections.abc import Mapping
from typing import Any

import pytest
import structlog
from botocore.exceptions import ClientError, ConnectTimeoutError

from chassis.aws.clients import Clients
from chassis.core.errors import Unavailable
from chassis.messaging.tasks import StepFunctionsTasks


class FakeStepFunctions:
    def __init__(self, error: Exception | None = None) -> None:
        self.sent: list[dict[str, str]] = []
        self._error = error

    def send_task_success(self, **answer: str) -> None:
        self.sent.append(answer)
        if self._error:
            raise self._error

    send_task_failure = send_task_success


def error_of(code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "SendTaskSuccess")


def test_output_of_a_task_is_json() -> None:
    client = FakeStepFunctions()
    StepFunctionsTasks(client).succeed("t-1", {"a": 1})
    assert [(sent["taskToken"], json.loads(sent["output"])) for sent in client.sent] == [("t-1", {"a": 1})]


def test_cause_is_cut_to_what_step_functions_accepts() -> None:
    client = FakeStepFunctions()
    StepFunctionsTasks(client).fail("t-1", "TOO_WET", "x" * 40_000)
    assert [(sent["error"], len(sent["cause"])) for sent in client.sent] == [("TOO_WET", 32_768)]


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_answer_to_a_closed_task_is_logged_and_ignored(code: str) -> None:
    with structlog.testing.capture_logs() as logged:
        StepFunctionsTasks(FakeStepFunctions(error_of(code))).succeed("t-1", {})
    assert [(line["event"], line["code"]) for line in logged] == [("task was closed before its answer", code)]


@pytest.mark.parametrize(
    "error", [error_of("ThrottlingException"), error_of("X", 500), ConnectTimeoutError(endpoint_url="http://x")]
)
def test_answer_that_step_functions_did_not_take_can_be_sent_again(error: Exception) -> None:
    with pytest.raises(Unavailable):
        StepFunctionsTasks(FakeStepFunctions(error)).succeed("t-1", {})


@pytest.mark.parametrize("code", ["InvalidToken", "TaskDoesNotExist", "AccessDeniedException", "ThrottlingException"])
def test_any_refusal_shows_that_step_functions_answers(code: str) -> None:
    """A role that may answer the tasks of one state machine alone may be refused a token of none."""
    client = FakeStepFunctions(error_of(code))
    StepFunctionsTasks(client).check()
    assert client.sent == [{"taskToken": "none", "output": "{}"}]


@pytest.mark.parametrize("error", [error_of("X", 500), ConnectTimeoutError(endpoint_url="http://x")])
def test_check_fails_while_step_functions_does_not_answer(error: Exception) -> None:
    with pytest.raises(Unavailable):
        StepFunctionsTasks(FakeStepFunctions(error)).check()


@pytest.mark.integration
def test_check_works_with_step_functions(aws_env: Mapping[str, str]) -> None:
    StepFunctionsTasks(Clients(aws_env).of("stepfunctions")).check()


def test_bug_in_an_answer_is_not_hidden() -> None:
    with pytest.raises(ClientError):
        StepFunctionsTasks(FakeStepFunctions(error_of("ValidationException"))).succeed("t-1", {})
