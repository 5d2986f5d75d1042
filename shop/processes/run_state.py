"""A file that says what runs, so that other commands find it and no process remains unseen."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

GONE_WITHIN = 5.0  # seconds: what was killed still takes a moment to let go of its port


@dataclass(frozen=True)
class Mark:
    """A process by its pid and its command line, since a pid alone may be another program's by now."""

    pid: int
    command: str

    @property
    def lives(self) -> bool:
        return bool(self.command) and command_of(self.pid) == self.command


@dataclass(frozen=True)
class RunState:
    """`processes` are leaders of process groups of their own."""

    launcher: Mark
    endpoint: str
    ports: dict[str, int]
    supervisor: Mark | None = None
    processes: dict[str, Mark] = field(default_factory=dict)


FORMAT = TypeAdapter(RunState)


def write(state: RunState, path: Path) -> None:
    """Replaces the file as a whole, since another command may be reading it."""
    draft = path.with_suffix(".new")
    draft.write_bytes(FORMAT.dump_json(state, indent=1))
    draft.replace(path)


def read(path: Path) -> RunState | None:
    """None where there is no file, or one of another version, which cannot be relied on."""
    try:
        return FORMAT.validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def mark(pid: int) -> Mark:
    return Mark(pid, command_of(pid))


def command_of(pid: int) -> str:
    """The command line of a process. Empty when there is no such process or only a zombie."""
    asked = ["ps", "-ww", "-o", "stat=", "-o", "command=", "-p", str(pid)]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 a pid, nothing else
    state, _, command = answer.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else command.strip()


def end_launcher(state: RunState) -> list[str]:
    """Kills a launcher that still lives, and returns its name."""
    if not state.launcher.lives:
        return []
    os.kill(state.launcher.pid, signal.SIGKILL)
    return ["the launcher"]


def end_leftovers(state: RunState) -> list[str]:
    """Kills what is left of a shop whose supervisor can no longer do it; returns the names once they are gone."""
    if state.supervisor and state.supervisor.lives:
        os.kill(state.supervisor.pid, signal.SIGKILL)  # first, or it starts the others again
    left = {name: it for name, it in reversed(state.processes.items()) if it.lives}
    for it in left.values():
        with suppress(ProcessLookupError):
            os.killpg(it.pid, signal.SIGKILL)
    deadline = time.monotonic() + GONE_WITHIN
    while any(it.lives for it in left.values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return list(left)
