"""The executions of one order's saga, and their steps, from the history that Step Functions keeps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

MOST_MISSING = (
    10  # attempts in a row. The sweep raises the attempt every two minutes while no execution can be started.
)
RUNNING = "RUNNING"


@dataclass(frozen=True)
class Step:
    """A task of the state machine. Without `ended` it waits for its answer, or its execution ended first."""

    name: str
    began: datetime
    ended: datetime | None = None
    error: str = ""


@dataclass(frozen=True)
class Execution:
    attempt: int
    arn: str
    status: str
    began: datetime
    ended: datetime | None
    user_name: str
    steps: tuple[Step, ...]

    @property
    def waiting(self) -> Step | None:
        """The step that has no answer yet."""
        last = self.steps[-1] if self.steps else None
        return last if last and self.status == RUNNING and last.ended is None else None


class Executions:
    """The executions of the state machine `machine`, which is an ARN."""

    def __init__(self, stepfunctions: SFNClient, machine: str) -> None:
        self._stepfunctions = stepfunctions
        self.machine = machine
        self._prefix = machine.replace(":stateMachine:", ":execution:")

    def of(self, order_id: str) -> list[Execution]:
        """In the sequence of their attempts. A start that failed leaves a gap in the numbers."""
        found: list[Execution] = []
        attempt = missing = 0
        while missing < MOST_MISSING:
            attempt += 1
            execution = self._read(order_id, attempt)
            missing = 0 if execution else missing + 1
            found += [execution] if execution else []
        return found

    def _read(self, order_id: str, attempt: int) -> Execution | None:
        arn = f"{self._prefix}:{order_id}-{attempt}"
        try:
            it = self._stepfunctions.describe_execution(executionArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ExecutionDoesNotExist":
                return None
            raise
        user_name = json.loads(it.get("input") or "{}").get("userName", "")
        steps = tuple(steps_of(self._events(arn)))
        return Execution(attempt, arn, it["status"], it["startDate"], it.get("stopDate"), user_name, steps)

    def _events(self, arn: str) -> Iterator[Mapping[str, Any]]:
        for page in self._stepfunctions.get_paginator("get_execution_history").paginate(executionArn=arn):
            yield from page["events"]


def steps_of(events: Iterable[Mapping[str, Any]]) -> Iterator[Step]:
    """The tasks, each with its end and its error. MiniStack calls a time-out TaskFailed, others TaskTimedOut."""
    step: Step | None = None
    for event in events:
        match event["type"]:
            case "TaskStateEntered":
                step = Step(event["stateEnteredEventDetails"]["name"], event["timestamp"])
            case "TaskFailed" | "TaskTimedOut" if step:
                details = event.get("taskFailedEventDetails") or event.get("taskTimedOutEventDetails") or {}
                step = replace(step, ended=event["timestamp"], error=details.get("error", event["type"]))
            case "TaskStateExited" if step:
                yield replace(step, ended=event["timestamp"])
                step = None
    if step:
        yield step
