"""Tasks that run to their end: bootstrap and seed."""

import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress

from bootstrap.errors import Failed
from chassis.core.text import legible
from shop.paths import Paths
from shop.processes.patience import SECONDS, Patience, cpu_seconds
from shop.processes.programs import Task
from shop.settings import ROOT

LAST_WORDS = 12


def run(
    task: Task,
    env: Mapping[str, str],
    paths: Paths,
    patience: float = SECONDS,
    progress: Callable[[int], object] = lambda pid: cpu_seconds([pid]),
) -> None:
    """Waits as long as `progress`, which is given the task's process group, changes within `patience` seconds.

    It has a session of its own: a Ctrl-C is for the launcher, which ends the task without its traceback.
    """
    with paths.log(task.name).open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 the table's own commands
            task.command,
            cwd=ROOT,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    with process:
        try:
            code = _ended(process, Patience(patience, lambda: progress(process.pid)))
        finally:
            process.kill()  # nothing to do where it has ended
    if code is None:
        raise Failed(
            f"{task.name} made no progress within {patience:.0f} s (SHOP_PATIENCE sets how many):"
            f"\n{last_words(paths, task.name)}"
        )
    if code:
        raise Failed(f"{task.name} failed with exit code {code}:\n{last_words(paths, task.name)}")


def _ended(process: "subprocess.Popen[bytes]", patience: Patience) -> int | None:
    while not patience.is_over:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(patience.pause)
    return None


def last_words(paths: Paths, name: str) -> str:
    """The end of a log, indented, for a message about its process."""
    try:
        text = paths.log(name).read_text(encoding="utf-8", errors="replace")
        lines = [legible(line, keep="\t") for line in text.splitlines()]
    except FileNotFoundError:
        lines = []
    return "\n".join([*(f"  | {line}" for line in lines[-LAST_WORDS:]), f"  (all of it: {paths.log(name)})"])
