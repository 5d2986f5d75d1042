"""Step Functions for one state machine, in memory: what our definition uses of the Amazon States Language, no more."""

import copy
import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chassis.core import instants

TIMEOUT = "States.Timeout"
EVERYTHING = "States.ALL"


@dataclass
class Execution:
    """`token` is that of the task that waits for an answer."""

    data: dict[str, Any]
    status: str = "RUNNING"
    state: str = ""
    token: str = ""
    due: datetime | None = None


class StepFunctions:
    """Executions and tasks at once. It implements `Executions` of ordering and `Tasks` of the chassis.

    Each task sends its message with `send(queue, body)`, where the queue is the last part of its URL.
    """

    def __init__(
        self, machine: Mapping[str, Any], send: Callable[[str, str], None], clock: Callable[[], datetime]
    ) -> None:
        self.executions: dict[str, Execution] = {}
        self.visited: set[str] = set()
        self._machine = machine
        self._send = send
        self._clock = clock
        self._tokens = (f"token-{n}-{'t' * 1500}" for n in itertools.count())

    def start(self, name: str, given: Mapping[str, Any]) -> None:
        if name not in self.executions:
            self.executions[name] = Execution(json.loads(json.dumps(given)))
            self._enter(self.executions[name], self._machine["StartAt"])

    def is_running(self, name: str) -> bool:
        return name in self.executions and self.executions[name].status == "RUNNING"

    def succeed(self, token: str, output: Mapping[str, Any]) -> None:
        if execution := self._waiting(token):
            state = self._machine["States"][execution.state]
            _put(execution.data, state["ResultPath"], json.loads(json.dumps(output)))
            self._enter(execution, state["Next"])

    def fail(self, token: str, error: str, cause: str) -> None:
        if execution := self._waiting(token):
            self._catch(execution, {"Error": error, "Cause": cause})

    def time_out(self) -> None:
        """Ends the tasks whose time is over."""
        for execution in list(self.executions.values()):
            if execution.token and execution.due and self._clock() >= execution.due:
                self._catch(execution, {"Error": TIMEOUT, "Cause": ""})

    def lose_executions(self) -> None:
        """What a restart of an emulator does: executions that ran have failed, and their tokens are unknown."""
        for execution in self.executions.values():
            if execution.status == "RUNNING":
                execution.status, execution.token = "FAILED", ""

    def _waiting(self, token: str) -> Execution | None:
        return next((each for each in self.executions.values() if each.token == token), None)

    def _catch(self, execution: Execution, failure: Mapping[str, str]) -> None:
        for catch in self._machine["States"][execution.state]["Catch"]:
            if {failure["Error"], EVERYTHING} & {*catch["ErrorEquals"]}:
                _put(execution.data, catch["ResultPath"], dict(failure))
                self._enter(execution, catch["Next"])
                return
        execution.status, execution.token = "FAILED", ""

    def _enter(self, execution: Execution, name: str | None) -> None:
        """Runs until a task waits for its answer, or until the end."""
        execution.token = ""
        while name:
            self.visited.add(name)
            execution.state, state = name, self._machine["States"][name]
            match state["Type"]:
                case "Choice":
                    name = next((c["Next"] for c in state["Choices"] if _holds(c, execution.data)), state["Default"])
                case "Pass":
                    _put(execution.data, state["ResultPath"], copy.deepcopy(state["Result"]))
                    name = state["Next"]
                case "Task":
                    self._wait(execution, state)
                    return
                case ending:
                    execution.status = {"Succeed": "SUCCEEDED", "Fail": "FAILED"}[ending]
                    return

    def _wait(self, execution: Execution, state: Mapping[str, Any]) -> None:
        now = self._clock()
        execution.token = next(self._tokens)
        execution.due = now + timedelta(seconds=state["TimeoutSeconds"])
        context = {"Task": {"Token": execution.token}, "State": {"EnteredTime": instants.write(now)}}
        given = _filled(state["Parameters"], execution.data, context)
        self._send(given["QueueUrl"].rpartition("/")[2], json.dumps(given["MessageBody"]))


def _holds(choice: Mapping[str, str], data: Mapping[str, Any]) -> bool:
    return bool(_at(choice["Variable"], data, {}) == choice["StringEquals"])


def _filled(template: Any, data: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
    """Replaces each `name.$` by what its path finds ("Payload template", Amazon States Language)."""
    if not isinstance(template, dict):
        return template
    return {
        name.removesuffix(".$"): _at(value, data, context) if name.endswith(".$") else _filled(value, data, context)
        for name, value in template.items()
    }


def _at(path: str, data: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
    root, *names = path.split(".")
    found: Any = context if root == "$$" else data
    for name in names:
        found = found[name]
    return found


def _put(data: dict[str, Any], path: str, value: Any) -> None:
    """Our result paths name one field of the top level."""
    root, name = path.split(".")
    assert root == "$"
    data[name] = value
