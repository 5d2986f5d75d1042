"""The state machine of an order as ordering's template defines it: its steps, its commands and its time-outs."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from docs.machine import definition

SILENT = "States.ALL"  # the error that also a time-out is


class Step(NamedTuple):
    """A command. `silent` is the state after its time-out, which is `seconds`."""

    state: str
    command: str
    queue: str
    seconds: float
    silent: str


@cache
def _definition() -> Mapping[str, Any]:
    return definition()


def states() -> Mapping[str, Any]:
    found: Mapping[str, Any] = _definition()["States"]
    return found


@cache
def step(state: str) -> Step:
    task = states()[state]
    [silent] = [catch["Next"] for catch in task["Catch"] if SILENT in catch["ErrorEquals"]]
    sent = task["Parameters"]
    queue = sent["QueueUrl"].rpartition("-")[2] if "-order-" not in sent["QueueUrl"] else "order-commands"
    return Step(state, sent["MessageBody"]["detail-type"], queue, task["TimeoutSeconds"], silent)


@cache
def passed(state: str, status: str) -> tuple[tuple[str, ...], str | None]:
    """The states from `state` on until the next command, and that command's state, or None if the execution ends.

    `status` is the order's, or that of the last answer, by which choices decide.
    """
    entered: list[str] = []
    while True:
        entered.append(state)
        found = states()[state]
        match found["Type"]:
            case "Task":
                return (*entered,), state
            case "Choice":
                state = next((c["Next"] for c in found["Choices"] if c["StringEquals"] == status), found["Default"])
            case "Pass":
                state = found["Next"]
            case _:
                return (*entered,), None


def start() -> str:
    return str(_definition()["StartAt"])


def after(state: str) -> str:
    """The state that follows an answer."""
    return str(states()[state]["Next"])


def confirmed_way() -> tuple[int, list[Step]]:
    """How many states a confirmed order goes through, and its commands."""
    entered, state = passed(start(), "PLACED")
    steps = []
    while state:
        steps.append(step(state))
        more, state = passed(after(state), "CONFIRMED")
        entered += more
    return len(entered), steps


def message(state: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The body of the command, as Step Functions fills it in."""
    context = {"$$.Task.Token": "token", "$$.State.EnteredTime": given["metadata"]["occurred-at"]}
    body: dict[str, Any] = dict(_filled(states()[state]["Parameters"]["MessageBody"], given, context))
    return body


def _filled(part: Mapping[str, Any], given: Mapping[str, Any], context: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in part.items():
        if isinstance(value, dict):
            yield name, dict(_filled(value, given, context))
        elif name.endswith(".$"):
            yield name[:-2], context[value] if value in context else given[value.removeprefix("$.")]
        else:
            yield name, value
