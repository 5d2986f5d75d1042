"""The page on the saga shows the state machine as the template defines it."""

import pytest

from docs import machine
from docs.generate import saga_page
from tests.environment import ROOT
from tests.ordering.machine import callbacks, definition, exits

PAGE = ROOT / "docs" / "saga.md"


def test_page_matches_the_template() -> None:
    """`make docs` updates the page."""
    assert saga_page(PAGE.read_text()) == PAGE.read_text()


def test_the_picture_shows_every_state_and_every_exit() -> None:
    lines = machine.section(machine.definition()).splitlines()
    for name, state in definition()["States"].items():
        assert any(f'"{name}' in line for line in lines), name
        for exit_ in exits(state):
            arrow = (f"    {_id(name)} -", f"> {_id(exit_.to)}")
            assert any(line.startswith(arrow[0]) and line.endswith(arrow[1]) for line in lines), (name, exit_)


def _id(name: str) -> str:
    return name.replace(" ", "_").removesuffix("?")


@pytest.mark.parametrize("step", callbacks(definition()))
def test_the_table_has_the_command_of_every_step_and_its_refusals(step: str) -> None:
    state = definition()["States"][step]
    [row] = [line for line in machine.section(machine.definition()).splitlines() if line.startswith(f"| {step} |")]
    assert state["Parameters"]["MessageBody"]["detail-type"] in row
    assert all(error in row for each in state["Catch"][:-1] for error in each["ErrorEquals"])


def test_the_page_explains_every_state() -> None:
    """Outside the generated part."""
    text = PAGE.read_text().partition("<!-- end of what")[2]
    assert [name for name in definition()["States"] if f"*{name.removesuffix('?')}" not in text] == ["Done"]
