"""The definition of the state machine, read from ordering's template, and every way through it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.bootstrap.template import resources_of

TEMPLATE = Path(__file__).parents[2] / "services" / "ordering" / "template.yaml"
EVERYTHING = "States.ALL"
Definition = Mapping[str, Any]


class Exit(NamedTuple):
    """One way out of a state. `why` is the status of a choice, the error of a `Catch`, or empty."""

    why: str
    to: str


class Step(NamedTuple):
    """A state on a way, and how it is left. A state that ends the execution has no exit."""

    state: str
    exit: Exit | None


Way = tuple[Step, ...]


def definition() -> Definition:
    """As it is deployed to a shop with the name "shop"."""
    found: Definition = json.loads(resources_of(TEMPLATE)["FulfilOrder"]["Properties"]["DefinitionString"])
    return found


def exits(state: Definition) -> list[Exit]:
    """All ways out of a state, with one for each of several errors or statuses."""
    if state["Type"] == "Choice":
        found = [Exit(choice["StringEquals"], choice["Next"]) for choice in state["Choices"]]
        return [*found, Exit("else", state["Default"])]
    caught = [Exit(error, catch["Next"]) for catch in state.get("Catch", []) for error in catch["ErrorEquals"]]
    return [*([Exit("", state["Next"])] if "Next" in state else []), *caught]


def callbacks(machine: Definition) -> dict[str, Definition]:
    """The states that wait for an answer."""
    return {name: s for name, s in machine["States"].items() if s.get("Resource", "").endswith(".waitForTaskToken")}


def ways(machine: Definition, start: str | None = None) -> Iterator[Way]:
    """Every way from the start to an end. The machine has no loops, so there are finitely many."""
    name = start or machine["StartAt"]
    if not (found := exits(machine["States"][name])):
        yield (Step(name, None),)
    for exit_ in found:
        yield from ((Step(name, exit_), *rest) for rest in ways(machine, exit_.to))


def covering(machine: Definition) -> list[Way]:
    """A few ways that together take every exit of every state. Those that add most come first."""
    left, chosen = list(ways(machine)), list[Way]()
    missing = {step for way in left for step in way}
    while missing:
        best = max(left, key=lambda way: (len(missing & {*way}), -len(way)))
        chosen.append(best)
        missing -= {*best}
    return chosen


def distinct(machine: Definition) -> list[Way]:
    """Each sequence of states, and each exit of each state, at least once."""
    by_states = {tuple(step.state for step in way): way for way in [*ways(machine), *covering(machine)]}
    return list(dict.fromkeys([*covering(machine), *by_states.values()]))
