"""Tasks, which run to their end: bootstrap and seed."""

import subprocess
from collections.abc import Callable, Mapping
from contextlib import suppress

from bootstrap.errors import Failed
from chassis.core.text import legible
from shop.paths import Paths
from shop.processes.patience import Patience, cpu_seconds
from shop.processes.programs import Task
from shop.settings import PATIENCE, ROOT

LAST_WORDS = 12  # lines
TAB = "\t"


def run(
    task: Task,
    env: Mapping[str, str],
    paths: Paths,
    patience: float = PATIENCE,
    progress: Callable[[int], object] = lambda pid: cpu_seconds([pid]),
) -> None:
    """Waits as long as `progress`, which is given the task's process group, changes within `patience` seconds.

    The task has a session of its own: a Ctrl-C is for the launcher, which ends the task without its traceback.
    """
    with (
        paths.log(task.name).open("ab") as out,
        subprocess.Popen(  # noqa: S603 the plan's own commands
            task.command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        ) as process,
    ):
        begin = out.tell()
        try:
            code = _ended(process, Patience(patience, lambda: progress(process.pid)))
        finally:
            process.kill()  # does nothing where it has ended
    if code is None:
        why = f"made no progress within {patience:.0f} s. SHOP_PATIENCE={3 * patience:.0f} allows more"
    elif code:
        why = f"failed with exit code {code}"
    else:
        return
    raise Failed(f"{task.name} {why}:\n{last_words(paths, task.name, begin)}\n{task.advice}".rstrip())


def _ended(process: "subprocess.Popen[bytes]", patience: Patience) -> int | None:
    while not patience.is_over:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(patience.pause)
    return None


def size_of_log(paths: Paths, name: str) -> int:
    """In bytes."""
    file = paths.log(name)
    return file.stat().st_size if file.exists() else 0


def last_words(paths: Paths, name: str, begin: int = 0) -> str:
    """The end of a log, indented, for a message about its process. `begin`: where this run's part begins, in bytes."""
    file = paths.log(name)
    text = file.read_bytes()[begin:].decode(errors="replace") if file.exists() else ""
    lines = [f"  | {legible(line, keep=TAB)}" for line in text.splitlines()[-LAST_WORDS:]]
    return "\n".join([*lines, f"  (all of it: {file})"])
