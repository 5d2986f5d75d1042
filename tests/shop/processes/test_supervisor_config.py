"""Supervisor's configuration, read back by supervisor itself."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from supervisor.datatypes import RestartWhenExitUnexpected
from supervisor.options import ServerOptions

from shop.emulator.ministack import DO_NOT_RESTART
from shop.paths import Paths
from shop.processes import supervisor_config
from shop.processes.programs import Program, plan, programs
from shop.settings import Settings

ODD = ["100%", "%(ENV_PATH)s", "a ;b", "a #b", "it's", 'say "hi"', "$HOME", "`a`", "a\\b", "läden"]
Read = Callable[..., ServerOptions]


@pytest.fixture
def read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    def read(*given: Program, folder: Path = tmp_path) -> ServerOptions:
        paths = Paths(folder / "paths")
        paths.make()
        paths.config.write_text(supervisor_config.render(given, paths, "mine"))
        for name, value in supervisor_config.environment(paths, folder).items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(paths.path)
        options = ServerOptions()
        options.realize(["-c", str(paths.config)])
        return options

    return read


@pytest.mark.parametrize("odd", ODD)
def test_every_file_is_in_the_shops_folder_for_any_folder_name(tmp_path: Path, read_back: Read, odd: str) -> None:
    folder = tmp_path / odd
    folder.mkdir()
    options = read_back(Program("one", ("true",)), folder=folder)
    (group,) = options.process_group_configs
    process = group.process_configs[0]
    paths = Paths(folder / "paths")
    assert Path(options.logfile) == paths.supervisor_log
    assert Path(process.stdout_logfile).absolute() == paths.log("one")
    assert options.server_configs[0]["file"] == str(paths.socket)
    assert process.directory == str(folder)


@pytest.mark.parametrize("odd", ODD)
def test_odd_characters_in_a_command_are_kept(read_back: Read, odd: str) -> None:
    command = (f"/{odd}/python", "-c", "print('100% ; # ')")
    (group,) = read_back(Program("odd", command)).process_group_configs
    assert shlex.split(group.process_configs[0].command) == list(command)


@pytest.mark.parametrize("value", ['say "hi"', "100%", "a,b=c", "back\\slash", "it's"])
def test_odd_characters_in_a_variable_are_kept(read_back: Read, value: str) -> None:
    (group,) = read_back(Program("odd", ("true",), env={"ODD": value})).process_group_configs
    assert shlex.split(group.process_configs[0].command) == ["env", f"ODD={value}", "true"]


def test_supervisor_restarts_a_process_and_stops_its_children(read_back: Read) -> None:
    (group,) = read_back(Program("one", ("true",), start_seconds=3, stop_seconds=4)).process_group_configs
    process = group.process_configs[0]
    assert process.autorestart is RestartWhenExitUnexpected
    assert process.exitcodes == [DO_NOT_RESTART]
    assert process.startsecs == 3
    assert (process.stopasgroup, process.killasgroup, process.stopwaitsecs) == (True, True, 4)


def test_supervisor_alone_stops_the_emulator_last(tmp_path: Path, read_back: Read) -> None:
    all_of_it = programs(plan(Settings(), Paths(tmp_path)))
    groups = sorted(read_back(*all_of_it).process_group_configs, key=lambda group: group.priority)
    assert groups[0].name == "emulator"


@pytest.mark.parametrize(("uid", "told"), [(0, "user = root"), (12345, "")])
def test_a_user_needs_no_name(uid: int, told: str) -> None:
    """As in a container that runs as any user: no entry of the password file has the uid."""
    assert supervisor_config._user(uid).strip() == told
