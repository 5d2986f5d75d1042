"""Finding again what runs, and never ending what is somebody else's."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shop.processes import run_state
from shop.processes.run_state import Mark, RunState


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        process.kill()


def a_state(**processes: Mark) -> RunState:
    return RunState(Mark(1, ""), "http://127.0.0.1:1", {"product": 2}, None, processes)


def test_a_run_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    written = a_state(product=Mark(5, "python"))
    run_state.write(written, tmp_path / "it.json")
    assert run_state.read(tmp_path / "it.json") == written


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"launcher": {"pid": 1}}'])
def test_an_invalid_run_state_is_ignored(tmp_path: Path, text: str) -> None:
    (tmp_path / "it.json").write_text(text)
    assert run_state.read(tmp_path / "it.json") is None


def test_a_missing_run_state_is_none(tmp_path: Path) -> None:
    assert run_state.read(tmp_path / "it.json") is None


def test_a_process_that_was_left_behind_is_killed_and_named(sleeper: subprocess.Popen[bytes]) -> None:
    assert run_state.end_leftovers(a_state(product=run_state.mark(sleeper.pid))) == ["product"]
    assert sleeper.wait(5) == -9


def test_a_pid_that_belongs_to_another_program_now_is_left_alone(sleeper: subprocess.Popen[bytes]) -> None:
    assert run_state.end_leftovers(a_state(product=Mark(sleeper.pid, "gunicorn of yesterday"))) == []
    assert sleeper.poll() is None


def test_this_process_lives_and_an_unknown_command_does_not() -> None:
    assert run_state.mark(os.getpid()).lives
    assert not Mark(os.getpid(), "").lives
