"""Executions and their steps, read from a Step Functions that answers as the emulators do."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from shop.order.executions import MOST_MISSING, Execution, Executions, Step, steps_of
from tests.shop.order.histories import DECLINED, WAITING, at, entered, exited, failed, timed_out

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:shop-fulfil-order"


class FakeStepFunctions:
    """Its executions by name: their status and their history, which it returns in pages of four events."""

    def __init__(self, **executions: tuple[str, list[dict[str, Any]]]) -> None:
        self._executions = {name.replace("_", "-"): it for name, it in executions.items()}
        self.asked: list[str] = []

    def describe_execution(self, **given: str) -> Mapping[str, Any]:
        self.asked.append(given["executionArn"])
        status, _ = self._of(given["executionArn"])
        ended = {} if status == "RUNNING" else {"stopDate": at(0.8)}
        its_input = json.dumps({"userName": "ann", "status": "PLACED"})
        return {
            "executionArn": given["executionArn"],
            "status": status,
            "startDate": at(0.1),
            "input": its_input,
        } | ended

    def get_paginator(self, name: str) -> "FakeStepFunctions":
        assert name == "get_execution_history"
        return self

    def paginate(self, **given: str) -> Iterator[Mapping[str, Any]]:
        _, events = self._of(given["executionArn"])
        yield from ({"events": events[begin : begin + 4]} for begin in range(0, len(events), 4))

    def _of(self, arn: str) -> tuple[str, list[dict[str, Any]]]:
        if arn.rpartition(":")[2] not in self._executions:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "DescribeExecution")
        return self._executions[arn.rpartition(":")[2]]


def executions(fake: FakeStepFunctions) -> list[Execution]:
    return Executions(cast("Any", fake), MACHINE).of("o1")


def test_an_execution_has_its_user_and_its_steps() -> None:
    (found,) = executions(FakeStepFunctions(o1_1=("SUCCEEDED", DECLINED)))
    assert (found.attempt, found.status, found.user_name) == (1, "SUCCEEDED", "ann")
    assert found.arn == "arn:aws:states:us-east-1:000000000000:execution:shop-fulfil-order:o1-1"
    assert (found.began, found.ended) == (at(0.1), at(0.8))
    assert found.steps == (
        Step("Reserve stock", at(0.2), at(0.3)),
        Step("Authorize payment", at(0.3), at(0.5), "PAYMENT_DECLINED"),
        Step("Reject order", at(0.5), at(0.6)),
        Step("Void payment", at(0.6), at(0.7)),
    )


def test_an_order_without_executions_has_none() -> None:
    assert executions(FakeStepFunctions()) == []


def test_an_execution_after_starts_that_failed_is_found() -> None:
    """The sweep raises the attempt also when Step Functions then does not answer."""
    fake = FakeStepFunctions(o1_1=("FAILED", []), **{f"o1_{MOST_MISSING + 1}": ("SUCCEEDED", [])})
    assert [it.attempt for it in executions(fake)] == [1, MOST_MISSING + 1]
    assert len(fake.asked) == MOST_MISSING + 1 + MOST_MISSING


def test_a_refusal_of_step_functions_is_no_missing_execution() -> None:
    class Refusing(FakeStepFunctions):
        def describe_execution(self, **_: str) -> Mapping[str, Any]:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "DescribeExecution")

    with pytest.raises(ClientError, match="AccessDenied"):
        executions(Refusing())


def test_a_step_without_an_answer_waits_while_its_execution_runs() -> None:
    (running,) = executions(FakeStepFunctions(o1_1=("RUNNING", WAITING)))
    (ended,) = executions(FakeStepFunctions(o1_1=("FAILED", WAITING)))
    assert running.waiting == running.steps[-1] == Step("Authorize payment", at(0.3))
    assert ended.waiting is None


def test_an_execution_between_two_steps_waits_for_nothing() -> None:
    (running,) = executions(FakeStepFunctions(o1_1=("RUNNING", DECLINED[:7])))
    assert running.waiting is None


@pytest.mark.parametrize("end", [timed_out(3), failed(3, "States.Timeout")], ids=["AWS", "MiniStack"])
def test_a_time_out_is_the_error_of_its_step(end: dict[str, Any]) -> None:
    events = [entered(0, "Reserve stock"), end, exited(3.1, "Reserve stock")]
    assert list(steps_of(events)) == [Step("Reserve stock", at(0), at(3.1), "States.Timeout")]


def test_a_step_whose_failure_ended_the_execution_has_an_end() -> None:
    events = [entered(0, "Reserve stock"), failed(1, "SQS.AccessDenied")]
    assert list(steps_of(events)) == [Step("Reserve stock", at(0), at(1), "SQS.AccessDenied")]
