"""Histories of executions in the forms of MiniStack and of LocalStack, whose form is that of AWS."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

PLACED = datetime(2026, 11, 26, 10, 15, 30, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return PLACED + timedelta(seconds=seconds)


def event(seconds: float, kind: str, **details: Mapping[str, str]) -> dict[str, Any]:
    return {"timestamp": at(seconds), "type": kind} | details


def entered(seconds: float, name: str, kind: str = "Task") -> dict[str, Any]:
    return event(seconds, f"{kind}StateEntered", stateEnteredEventDetails={"name": name, "input": "{}"})


def exited(seconds: float, name: str, kind: str = "Task") -> dict[str, Any]:
    return event(seconds, f"{kind}StateExited", stateExitedEventDetails={"name": name, "output": "{}"})


def failed(seconds: float, error: str) -> dict[str, Any]:
    return event(seconds, "TaskFailed", taskFailedEventDetails={"error": error, "cause": "no"})


def timed_out(seconds: float) -> dict[str, Any]:
    """MiniStack has `failed(…, "States.Timeout")` instead."""
    return event(seconds, "TaskTimedOut", taskTimedOutEventDetails={"error": "States.Timeout"})


DECLINED = [
    event(0.1, "ExecutionStarted"),
    entered(0.2, "Which way", "Choice"),
    exited(0.2, "Which way", "Choice"),
    entered(0.2, "Reserve stock"),
    event(0.2, "TaskScheduled"),
    event(0.3, "TaskSucceeded"),
    exited(0.3, "Reserve stock"),
    entered(0.3, "Authorize payment"),
    event(0.3, "TaskScheduled"),
    failed(0.5, "PAYMENT_DECLINED"),
    exited(0.5, "Authorize payment"),
    entered(0.5, "Reject order"),
    exited(0.6, "Reject order"),
    entered(0.6, "Must it be undone?", "Choice"),
    exited(0.6, "Must it be undone?", "Choice"),
    entered(0.6, "Void payment"),
    exited(0.7, "Void payment"),
    event(0.8, "ExecutionSucceeded"),
]
WAITING = [*DECLINED[:8], event(0.3, "TaskScheduled")]
