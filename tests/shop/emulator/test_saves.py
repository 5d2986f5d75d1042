"""Saving while the emulator runs: only what was written, and nothing that is half done."""

import asyncio
import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shop.emulator.guard import Guard
from shop.emulator.saves import HUNG, SaveFailed, Saver
from shop.emulator.state import State
from tests.environment import ROOT
from tests.processes import eventually


async def nobody(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("no request is made")


def started() -> Guard:
    guard = Guard(nobody)
    guard.started = True
    return guard


def test_reads_cause_no_save(tmp_path: Path) -> None:
    saver = Saver(State(tmp_path), lambda _: None, every=0.001)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(saver.keep_saving(Guard(nobody)), 0.2))
    assert [*tmp_path.iterdir()] == []


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # newer Pythons warn of a fork beside threads
def test_a_write_during_a_save_is_in_the_next_one(tmp_path: Path) -> None:
    state, go, guard = State(tmp_path / "emulator"), tmp_path / "go", Guard(nobody)

    def write(_: Path) -> None:
        eventually(go.exists)

    async def scenario() -> None:
        guard.changed = True
        saving = asyncio.create_task(Saver(state, write, every=0.01).keep_saving(guard))
        await seen(lambda: any(state.path.glob("draft-*")))
        guard.changed = True
        go.touch()
        await seen(lambda: state.newest().name == "2")
        assert not state.is_final()
        saving.cancel()

    asyncio.run(scenario())


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_refused_fork_is_logged_as_a_failed_save(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state, guard, refusals = State(tmp_path / "emulator"), Guard(nobody), [errno.EAGAIN, errno.ENOMEM]

    def fork() -> int:
        if refusals:
            raise OSError(refusals.pop(), "refused")
        return os.fork()

    async def scenario() -> None:
        guard.changed = True
        saving = asyncio.create_task(Saver(state, lambda _: None, every=0.01, fork=fork).keep_saving(guard))
        await seen(lambda: saving.done() or state.saved_at() is not None)
        assert saving.cancel(), "it goes on"

    asyncio.run(scenario())
    assert caplog.text.count("no process could be started to save the data") == 2


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_the_next_save_after_one_that_hung_is_soon(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its length says nothing about the next one's: the pause of a long save would be 100 minutes."""
    state, guard, hung, now = State(tmp_path / "emulator"), Guard(nobody), tmp_path / "hung", [0.0]

    def write(_: Path) -> None:
        if not hung.exists():
            hung.touch()
            time.sleep(600)

    async def scenario() -> None:
        guard.changed = True
        saver = Saver(state, write, every=0.01, clock=lambda: now[0])
        saving = asyncio.create_task(saver.keep_saving(guard))
        await seen(hung.exists)
        now[0] = HUNG + 1
        await seen(lambda: state.saved_at() is not None)
        saving.cancel()

    asyncio.run(scenario())
    assert "did not end within 300 s" in caplog.text


# The emulator of another process: it says when its child writes, and the child writes until `go` is there.
EMULATOR = """
import asyncio, sys, time
from pathlib import Path
from shop.emulator.guard import Guard
from shop.emulator.saves import Saver
from shop.emulator.state import State

def write(folder):
    print("writing", flush=True)
    while not (path / "go").exists():
        time.sleep(0.01)
    print("written", flush=True)

path, guard = Path(sys.argv[1]), Guard(None)
guard.changed = True
asyncio.run(Saver(State(path / "emulator"), write, every=0.01).keep_saving(guard))
"""


def test_the_child_of_a_killed_emulator_publishes_no_save(tmp_path: Path) -> None:
    """The next emulator may have begun with an older save, and its own could get the same number."""
    command = [sys.executable, "-c", EMULATOR, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as emulator:
        assert emulator.stdout
        assert emulator.stdout.readline() == "writing\n"
        emulator.kill()
        emulator.wait()
        (tmp_path / "go").touch()
        assert emulator.stdout.read() == "written\n", "until the end of the child, which holds the pipe, too"
    assert State(tmp_path / "emulator").saved_at() is None


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_save_removes_the_drafts_of_those_that_failed(tmp_path: Path) -> None:
    """Else every try would take as much again of a disk that is full."""
    state, guard, failed = State(tmp_path / "emulator"), Guard(nobody), tmp_path / "failed"

    def write(folder: Path) -> None:
        if not failed.exists():
            failed.touch()
            raise OSError("No space left on device")

    async def scenario() -> None:
        guard.changed = True
        saving = asyncio.create_task(Saver(state, write, every=0.01).keep_saving(guard))
        await seen(lambda: state.saved_at() is not None)
        saving.cancel()

    asyncio.run(scenario())
    assert [it.name for it in state.path.iterdir()] == ["1"]


async def seen(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 another process makes it true
            await asyncio.sleep(0.01)


def test_a_save_that_fails_is_not_published(tmp_path: Path) -> None:
    def write(folder: Path) -> None:
        (folder / "sqs.json").write_text("half")
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space left"):
        Saver(State(tmp_path), write, every=60).save_at_the_end(started())
    assert State(tmp_path).saved_at() is None


def test_data_that_changes_during_the_last_save_is_saved_at_another_try(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """MiniStack has threads, which go on when no request is served any more."""
    tried: list[Path] = []

    def write(folder: Path) -> None:
        tried.append(folder)
        if len(tried) < 3:
            raise RuntimeError("dictionary changed size during iteration")

    Saver(State(tmp_path), write, every=60).save_at_the_end(started())
    assert State(tmp_path).is_final()
    assert caplog.text.count("dictionary changed size during iteration") == 2


def test_data_that_never_stops_changing_fails_the_save(tmp_path: Path) -> None:
    def write(_: Path) -> None:
        raise RuntimeError("dictionary changed size during iteration")

    with pytest.raises(SaveFailed, match="dictionary changed size"):
        Saver(State(tmp_path), write, every=60).save_at_the_end(started())
    assert State(tmp_path).saved_at() is None


def test_an_emulator_that_has_not_read_its_data_does_not_replace_it(tmp_path: Path) -> None:
    saver = Saver(State(tmp_path), lambda _: pytest.fail("it was saved"), every=60)
    saver.save_at_the_end(Guard(nobody))
    assert State(tmp_path).saved_at() is None
