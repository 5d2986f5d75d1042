"""Draws the state machine of ordering's template for docs/saga.md. `make docs` renews the page."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from shop.settings import ROOT

TEMPLATE = ROOT / "services" / "ordering" / "template.yaml"
SHAPES = {"Choice": '{{"{}"}}', "Task": '["{}"]', "Pass": '("{}")', "Succeed": '(["{}"])', "Fail": '(["{}"])'}
NO_ANSWER = "States.ALL"
State = Mapping[str, Any]


def definition(template: Path = TEMPLATE) -> Mapping[str, Any]:
    """The names of the shop and of AWS stay as they stand in the template. Other parameters have their defaults."""
    found = yaml.load(template.read_text("utf-8"), Template)  # noqa: S506 ours
    defaults = {name: str(each["Default"]) for name, each in found["Parameters"].items()}
    [text] = [each["Properties"]["DefinitionString"] for each in found["Resources"].values() if _is_machine(each)]
    machine: Mapping[str, Any] = json.loads(re.sub(r"\$\{(\w+)\}", lambda name: defaults[name[1]], text))
    return machine


def section(machine: Mapping[str, Any]) -> str:
    """The picture, and the table of the commands."""
    return "\n".join(["```mermaid", "flowchart TD", *_nodes(machine), *_edges(machine), "```", "", *_table(machine)])


def _nodes(machine: Mapping[str, Any]) -> Iterator[str]:
    yield f'    start(("start")) --> {_id(machine["StartAt"])}'
    for name, state in machine["States"].items():
        text = f"{name}<br><i>{_command(state)} → {_queue(state)}</i>" if state["Type"] == "Task" else name
        yield f"    {_id(name)}{SHAPES[state['Type']].format(text)}"


def _edges(machine: Mapping[str, Any]) -> Iterator[str]:
    for name, state in machine["States"].items():
        if "Next" in state:
            yield f"    {_id(name)} --> {_id(state['Next'])}"
        for to, label in _conditions(state).items():
            yield f'    {_id(name)} -. "{label}" .-> {_id(to)}'


def _conditions(state: State) -> dict[str, str]:
    """By the state that follows, the statuses or errors that lead there."""
    found: dict[str, list[str]] = {}
    for choice in state.get("Choices", []):
        found.setdefault(choice["Next"], []).append(choice["StringEquals"])
    if "Default" in state:
        found.setdefault(state["Default"], []).append("any other status")
    for catch in state.get("Catch", []):
        found.setdefault(catch["Next"], []).extend(_told(error) for error in catch["ErrorEquals"])
    return {to: "<br>".join(labels) for to, labels in found.items()}


def _table(machine: Mapping[str, Any]) -> Iterator[str]:
    yield "| step | command | queue | seconds | refusals | without an answer |"
    yield "|---|---|---|---|---|---|"
    for name, state in machine["States"].items():
        if state["Type"] == "Task":
            *refused, silent = [(error, each["Next"]) for each in state["Catch"] for error in each["ErrorEquals"]]
            refusals = " · ".join(f"`{error}`" for error, _ in refused) or "none"
            sent = f"`{_command(state)}` | `{_queue(state)}` | {state['TimeoutSeconds']}"
            yield f"| {name} | {sent} | {refusals} | {silent[1]} |"


def _id(name: str) -> str:
    return re.sub(r"\W+", "_", name).strip("_")


def _command(state: State) -> str:
    return str(state["Parameters"]["MessageBody"]["detail-type"])


def _queue(state: State) -> str:
    return str(state["Parameters"]["QueueUrl"]).rpartition("/")[2]


def _told(error: str) -> str:
    return "no answer" if error == NO_ANSWER else error


def _is_machine(resource: Mapping[str, Any]) -> bool:
    return bool(resource["Type"] == "AWS::StepFunctions::StateMachine")


class Template(yaml.SafeLoader):
    """Reads CloudFormation's short forms as what stands behind them."""


def _plain(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else None


Template.add_multi_constructor("!", _plain)
