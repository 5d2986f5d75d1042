"""Supervisor's configuration, read back by supervisor itself."""

import shlex
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from local import config
from local.home import Home
from local.programs import Program, plan, programs
from local.settings import Settings


def read_back(tmp_path: Path, *given: Program) -> ServerOptions:
    home = Home(tmp_path / "home")
    home.make()
    home.config.write_text(config.render(given, home, tmp_path, "mine"))
    options = ServerOptions()
    options.realize(["-c", str(home.config)])
    return options


def test_a_command_with_spaces_quotes_and_percents_survives(tmp_path: Path) -> None:
    command = ("/a b/python", "-c", "print('100%')")
    (group,) = read_back(tmp_path, Program("odd", command)).process_group_configs
    assert shlex.split(group.process_configs[0].command) == list(command)


@pytest.mark.parametrize("value", ['say "hi"', "100%", "a,b=c", "back\\slash", "it's"])
def test_a_variable_survives_with_its_odd_characters(tmp_path: Path, value: str) -> None:
    (group,) = read_back(tmp_path, Program("odd", ("true",), env={"ODD": value})).process_group_configs
    assert shlex.split(group.process_configs[0].command) == ["env", f"ODD={value}", "true"]


def test_a_dead_process_comes_back_and_a_stop_reaches_its_children(tmp_path: Path) -> None:
    (group,) = read_back(tmp_path, Program("one", ("true",), stop_seconds=4)).process_group_configs
    process = group.process_configs[0]
    assert process.autorestart
    assert (process.stopasgroup, process.killasgroup, process.stopwaitsecs) == (True, True, 4)


def test_supervisor_alone_would_stop_the_emulator_last(tmp_path: Path) -> None:
    all_of_it = programs(plan(Settings(), Home(tmp_path)))
    groups = sorted(read_back(tmp_path, *all_of_it).process_group_configs, key=lambda group: group.priority)
    assert groups[0].name == "emulator"
