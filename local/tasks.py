"""Tasks that run to their end: bootstrap and seed."""

import subprocess
from collections.abc import Mapping

from chassis.text import legible
from local.errors import LocalError
from local.home import Home
from local.programs import Task
from local.settings import ROOT

LAST_WORDS = 12


def run(task: Task, env: Mapping[str, str], home: Home, within: float = 120) -> None:
    """A session of its own: a Ctrl-C is for the launcher, which ends the task without its traceback."""
    log = home.log(task.name)
    with log.open("ab") as output:
        try:
            done = subprocess.run(  # noqa: S603 the table's own commands
                task.command,
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                timeout=within,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise LocalError(f"{task.name} took longer than {within:.0f} s; its words are in {log}.") from None
    if done.returncode:
        raise LocalError(f"{task.name} failed with exit code {done.returncode}:\n{last_words(home, task.name)}")


def last_words(home: Home, name: str) -> str:
    """The end of a log, indented, for a message about its process."""
    try:
        lines = [legible(line, keep="\t") for line in home.log(name).read_text(errors="replace").splitlines()]
    except FileNotFoundError:
        lines = []
    return "\n".join([*(f"  | {line}" for line in lines[-LAST_WORDS:]), f"  (all of it: {home.log(name)})"])
