"""Waiting counts time without progress."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shop.processes.patience import LONGEST, Patience, Reminder, cpu_seconds
from tests.processes import eventually


class Slow:
    """A machine on which something gets on, or not."""

    def __init__(self) -> None:
        self.now = 0.0
        self.progress = 0

    def patience(self, seconds: float = 60, longest: float | None = None) -> Patience:
        return Patience(seconds, lambda: self.progress, longest, clock=lambda: self.now)


def test_the_wait_without_progress_ends_after_the_given_seconds() -> None:
    it = Slow()
    patience = it.patience()
    it.now = 60
    assert not patience.is_over
    it.now = 60.1
    assert patience.is_over


def test_the_wait_is_longer_while_there_is_progress() -> None:
    it = Slow()
    patience = it.patience()
    for it.now in range(0, 500, 50):
        it.progress += 1
        assert not patience.is_over
    it.now += 61
    assert patience.is_over


def test_the_wait_has_an_end_even_with_progress() -> None:
    it = Slow()
    patience = it.patience()
    while not patience.is_over:
        it.now += 1
        it.progress += 1
    assert it.now == pytest.approx(60 * LONGEST, abs=2)


def test_pauses_between_looks_grow_to_a_second() -> None:
    it = Slow()
    patience = it.patience()
    pauses = []
    for it.now in (0.0, 10.0, 1000.0):
        pauses.append(patience.pause)
    assert pauses == [0.05, 0.5, 1.0]


def test_cpu_time_grows_only_for_a_busy_process() -> None:
    busy = [sys.executable, "-c", "while True: pass"]
    idle = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]
    with (
        subprocess.Popen(busy, start_new_session=True) as worker,
        subprocess.Popen(idle, start_new_session=True, stdout=subprocess.PIPE) as sleeper,
    ):
        try:
            assert sleeper.stdout
            sleeper.stdout.readline()
            started = cpu_seconds([sleeper.pid])
            seen = [0.0]

            def has_a_second() -> bool:
                seen.append(cpu_seconds([worker.pid]))
                return seen[-1] >= 1

            eventually(has_a_second)
            assert {0.25, 0.5, 0.75} & {*seen}, "a start takes less than a second, so its progress must show before"
            assert cpu_seconds([sleeper.pid]) == started
            assert cpu_seconds([worker.pid, sleeper.pid]) >= 1
        finally:
            worker.kill()
            sleeper.kill()


def test_a_program_whose_name_is_no_text_is_measured_too(tmp_path: Path) -> None:
    named = tmp_path / os.fsdecode(b"\xff\xfe) 1")
    named.symlink_to(sys.executable)
    with subprocess.Popen([named, "-c", "import time; time.sleep(600)"], start_new_session=True) as sleeper:
        try:
            assert cpu_seconds([sleeper.pid]) < 60
        finally:
            sleeper.kill()


def test_cpu_time_of_a_missing_group_is_zero() -> None:
    assert cpu_seconds([]) == 0
    assert cpu_seconds([os.getpid() + 10**7]) == 0


def test_a_long_wait_is_reported_every_five_seconds_with_advice() -> None:
    said: list[str] = []
    it = Slow()
    remind = Reminder("  waiting", said.append, "; Ctrl-C ends it", clock=lambda: it.now)
    for it.now in (0.1, 4.9, 5.2, 9, 10.3, 14, 31):
        remind()
    assert said == [f"  waiting ({seconds} s); Ctrl-C ends it" for seconds in (5, 10, 31)]
