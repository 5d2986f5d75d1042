"""Tasks: run to their end, and told apart when they fail."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.errors import Failed
from shop.paths import Paths
from shop.processes import tasks
from shop.processes.programs import Task, plan
from shop.processes.run_state import command_of
from shop.settings import Settings


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    paths = Paths(tmp_path)
    paths.make()
    return paths


def task(code: str) -> Task:
    return Task("seed", (sys.executable, "-c", code))


def test_the_output_of_a_task_is_in_its_log(paths: Paths) -> None:
    tasks.run(task("print('seeded')"), os.environ, paths)
    assert paths.log("seed").read_text() == "seeded\n"


def test_a_task_that_hangs_is_killed_and_reported(paths: Paths) -> None:
    sleeps = task("import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    with pytest.raises(Failed, match=r"seed made no progress within 5 s. SHOP_PATIENCE=15 allows more:\n  \| \d+\n"):
        tasks.run(sleeps, os.environ, paths, patience=5)
    assert command_of(int(paths.log("seed").read_text())) == ""


def test_a_failed_task_shows_only_lines_of_its_own_run(paths: Paths) -> None:
    tasks.run(task("print('no changes')"), os.environ, paths)
    with pytest.raises(Failed, match=r"^seed failed with exit code 2:\n  \| error: former layout\n  \(all of it: "):
        tasks.run(task("print('error: former layout'); raise SystemExit(2)"), os.environ, paths)


def test_a_failed_bootstrap_says_how_to_begin_anew(paths: Paths) -> None:
    (bootstrap,) = (it for stage in plan(Settings(), paths) for it in stage if it.name == "bootstrap")
    assert isinstance(bootstrap, Task)
    with pytest.raises(Failed, match=r"\)\nIf its data need not be kept: `make reset` deletes it"):
        tasks.run(replace(bootstrap, command=task("raise SystemExit(1)").command), os.environ, paths)


def test_a_task_may_take_long_while_it_makes_progress(paths: Paths) -> None:
    tasks.run(task("import time; time.sleep(3)"), os.environ, paths, 1, lambda _: time.monotonic())


def test_only_the_end_of_a_long_log_is_shown(paths: Paths) -> None:
    paths.log("seed").write_text("".join(f"line {number}\n" for number in range(100)))
    words = tasks.last_words(paths, "seed").splitlines()
    assert words[0] == f"  | line {100 - tasks.LAST_WORDS}"
    assert str(paths.log("seed")) in words[-1]


def test_a_log_that_is_not_there_is_no_error(paths: Paths) -> None:
    assert "all of it" in tasks.last_words(paths, "seed")


def test_control_characters_in_a_log_are_escaped(paths: Paths) -> None:
    paths.log("seed").write_text("a\x1b[2Jb\n")
    assert tasks.last_words(paths, "seed").startswith("  | a\\x1b[2Jb\n")
