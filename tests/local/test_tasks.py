"""Tasks: run to their end, and told apart when they fail."""

import os
import sys
import time
from pathlib import Path

import pytest

from local import tasks
from local.errors import LocalError
from local.home import Home
from local.programs import Task
from local.record import command_of


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.make()
    return home


def task(code: str) -> Task:
    return Task("seed", (sys.executable, "-c", code))


def test_what_a_task_says_is_in_its_log(home: Home) -> None:
    tasks.run(task("print('seeded')"), os.environ, home)
    assert home.log("seed").read_text() == "seeded\n"


def test_a_task_that_hangs_is_ended_and_told(home: Home) -> None:
    sleeps = task("import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    with pytest.raises(
        LocalError, match=r"seed made no progress within 5 s \(SHOP_PATIENCE sets how many\):\n  \| \d+\n"
    ):
        tasks.run(sleeps, os.environ, home, patience=5)
    assert command_of(int(home.log("seed").read_text())) == ""


def test_a_task_is_waited_for_while_there_is_progress(home: Home) -> None:
    tasks.run(task("import time; time.sleep(3)"), os.environ, home, 1, lambda _: time.monotonic())


def test_only_the_end_of_a_long_log_is_shown(home: Home) -> None:
    home.log("seed").write_text("".join(f"line {number}\n" for number in range(100)))
    words = tasks.last_words(home, "seed").splitlines()
    assert words[0] == f"  | line {100 - tasks.LAST_WORDS}"
    assert str(home.log("seed")) in words[-1]


def test_a_log_that_is_not_there_is_no_error(home: Home) -> None:
    assert "all of it" in tasks.last_words(home, "seed")


def test_the_last_words_of_a_process_steer_no_terminal(home: Home) -> None:
    home.log("seed").write_text("a\x1b[2Jb\n")
    assert tasks.last_words(home, "seed").startswith("  | a\\x1b[2Jb\n")
