"""What the definition of the state machine promises, which no emulator and no linter checks."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import yaml

from services.ordering.sweep import LATE, LONGEST_EXECUTION, PATIENCE
from tests.bootstrap.template import resources_of
from tests.ordering.machine import EVERYTHING, TEMPLATE, Definition, Exit, callbacks, covering, definition, exits, ways

FORWARD = ("Reserve stock", "Authorize payment")
COMPENSATIONS = ("Void payment", "Release stock")
END_WITHOUT_ANSWER = "Failed"


@pytest.fixture(scope="module")
def machine() -> Definition:
    return definition()


def values(node: Any) -> Iterator[Any]:
    """Every value in the definition, with the keys."""
    if isinstance(node, dict):
        yield from node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    yield node
    for child in children:
        yield from values(child)


def test_every_next_state_exists_and_every_state_is_reached(machine: Definition) -> None:
    """MiniStack and cfn-lint accept a `Next` to a state that does not exist."""
    named = {exit_.to for state in machine["States"].values() for exit_ in exits(state)}
    assert named | {machine["StartAt"]} == machine["States"].keys()


def test_every_exit_of_every_state_is_on_a_way(machine: Definition) -> None:
    """`test_state_machine_ways.py` walks these ways."""
    walked = {(step.state, step.exit) for way in covering(machine) for step in way}
    ends: list[Exit | None] = [None]
    meant = {(name, exit_) for name, state in machine["States"].items() for exit_ in exits(state) or ends}
    assert walked == meant
    assert {state for state, _ in walked} == machine["States"].keys()


def test_every_callback_has_a_timeout_and_catches_every_error(machine: Definition) -> None:
    """Without a time-out an execution would wait for a lost answer for a year."""
    assert len(callbacks(machine)) == 7
    for name, state in callbacks(machine).items():
        assert type(state["TimeoutSeconds"]) is int, name
        assert state["Catch"][-1]["ErrorEquals"] == [EVERYTHING], name
        assert all(catch["ResultPath"] == "$.failure" for catch in state["Catch"]), name


def test_callbacks_have_neither_heartbeat_nor_retry(machine: Definition) -> None:
    """LocalStack loses answers to tasks with a heartbeat. The queue repeats a command, and the sweep a whole saga."""
    for name, state in callbacks(machine).items():
        assert not state.keys() & {"HeartbeatSeconds", "HeartbeatSecondsPath", "Retry", "TimeoutSecondsPath"}, name


def test_only_callbacks_are_tasks(machine: Definition) -> None:
    """The machine neither writes orders nor publishes events. Only ordering does."""
    tasks = {name for name, state in machine["States"].items() if state["Type"] == "Task"}
    assert tasks == callbacks(machine).keys()


def test_a_command_has_the_token_and_the_timeout_of_its_step(machine: Definition) -> None:
    """A consumer compares the time-out with its clock, and does not begin a command that has expired."""
    for name, state in callbacks(machine).items():
        body = state["Parameters"]["MessageBody"]
        assert body["source"] == "com.swn.ordering.fulfilment", name
        assert body["detail"]["metadata.$"] == "$.metadata", name
        assert body["detail"]["task"] == {
            "token.$": "$$.Task.Token",
            "entered.$": "$$.State.EnteredTime",
            "timeout-seconds": state["TimeoutSeconds"],
        }, name
        assert body["detail"]["data"].items() >= {"orderId.$": "$.orderId", "userName.$": "$.userName"}.items(), name


def test_the_definition_keeps_to_what_works_on_every_endpoint(machine: Definition) -> None:
    found = list(values(machine))
    assert None not in found, "a null is lost where a template is read as YAML"
    assert not {"QueryLanguage", "Assign", "Output", "Arguments", "InputPath", "OutputPath"} & {
        value for value in found if isinstance(value, str)
    }


def test_the_whole_machine_outlasts_all_its_steps_even_with_the_longest_timeout(machine: Definition) -> None:
    """The time-out of the machine runs no `Catch`, so it must never come first."""
    longest = max(sum(step.state in callbacks(machine) for step in way) for way in ways(machine))
    parameters = yaml.load(TEMPLATE.read_text(), yaml.BaseLoader)["Parameters"]  # noqa: S506 reads tags as text
    assert machine["TimeoutSeconds"] > longest * int(parameters["StepTimeout"]["MaxValue"])


def test_the_sweep_leaves_a_running_execution_alone_for_as_long_as_it_can_run(machine: Definition) -> None:
    assert timedelta(seconds=machine["TimeoutSeconds"]) <= LONGEST_EXECUTION


def test_failing_sagas_raise_an_alarm_only_if_they_go_on_for_as_long_as_an_order_may_be_open(
    machine: Definition,
) -> None:
    """The sweep starts a failed saga again, so one that fails once is no reason to wake anybody."""
    alarm = resources_of(TEMPLATE)["FulfilOrderFailsAlarm"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("AWS/States", "ExecutionsFailed", "Sum")
    assert alarm["Dimensions"] == [{"Name": "StateMachineArn", "Value": "FulfilOrder"}]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
    assert "DatapointsToAlarm" not in alarm, "a failure in each period, not in some of them"
    assert timedelta(seconds=alarm["Period"] * alarm["EvaluationPeriods"]) == LATE
    step = max(state["TimeoutSeconds"] for state in callbacks(machine).values())
    assert timedelta(seconds=alarm["Period"]) > PATIENCE + 6 * timedelta(seconds=step), "an order fails in each period"


def test_orders_are_undone_only_after_ordering_has_decided(machine: Definition) -> None:
    """An order that starts as REJECTING or CANCELLING was decided before. Any other waits for ordering's answer."""
    for way in ways(machine):
        states = [step.state for step in way]
        if COMPENSATIONS[0] in states and way[0].exit and way[0].exit.why == "PLACED":
            before = way[states.index(COMPENSATIONS[0]) - 1]
            assert before.exit in [("REJECTING", COMPENSATIONS[0]), ("CANCELLING", COMPENSATIONS[0])], states


def test_what_was_begun_is_undone_or_confirmed_or_left_to_the_sweep(machine: Definition) -> None:
    """A refusal or a time-out never ends before ordering has decided, and a decision ends in both compensations."""
    for way in ways(machine):
        states = [step.state for step in way]
        refused = any(step.state in FORWARD and step.exit and step.exit.why for step in way)
        assert not refused or "Reject order" in states, states
        undone = any(step.exit and step.exit.why in ("REJECTING", "CANCELLING") for step in way)
        begun_to_undo = bool(way[0].exit and way[0].exit.why == "else")
        if (undone or begun_to_undo) and states[-1] != END_WITHOUT_ANSWER:
            assert states[-4:] == [*COMPENSATIONS, "Finish order", "Done"], states


@pytest.mark.parametrize("step", ["Confirm order", "Reject order", *COMPENSATIONS, "Finish order"])
def test_a_step_that_must_not_be_skipped_ends_the_execution_if_it_gets_no_answer(
    machine: Definition, step: str
) -> None:
    assert [exit_.to for exit_ in exits(machine["States"][step]) if exit_.why] == [END_WITHOUT_ANSWER]
    assert machine["States"][END_WITHOUT_ANSWER]["Type"] == "Fail"
