"""What runs, written down, so that another command can find it and nothing lives on unseen."""

import json
import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

GONE_WITHIN = 5.0  # what was killed still takes its moment to let go of its port


@dataclass(frozen=True)
class Mark:
    """A process by its pid and its command line, since a pid alone may be somebody else's by now."""

    pid: int
    command: str


@dataclass(frozen=True)
class RunState:
    """`processes` are leaders of process groups of their own."""

    launcher: Mark
    endpoint: str
    ports: dict[str, int]
    supervisor: Mark | None = None
    processes: dict[str, Mark] = field(default_factory=dict)


def write(state: RunState, path: Path) -> None:
    """At once or not at all: another command may be reading."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(state), indent=1))
    draft.replace(path)


def read(path: Path) -> RunState | None:
    try:
        fields = json.loads(path.read_text())
        return RunState(
            launcher=Mark(**fields["launcher"]),
            endpoint=fields["endpoint"],
            ports=fields["ports"],
            supervisor=Mark(**fields["supervisor"]) if fields["supervisor"] else None,
            processes={name: Mark(**mark) for name, mark in fields["processes"].items()},
        )
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None  # none, or of another version: nothing we could rely on


def mark(pid: int) -> Mark:
    return Mark(pid, command_of(pid))


def lives(it: Mark) -> bool:
    return bool(it.command) and command_of(it.pid) == it.command


def command_of(pid: int) -> str:
    """Empty when there is no such process; a zombie counts as none."""
    asked = ["ps", "-ww", "-o", "stat=", "-o", "command=", "-p", str(pid)]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 a pid, nothing else
    state, _, command = answer.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else command.strip()


def end_launcher(state: RunState) -> list[str]:
    """Kills a launcher that still lives, and answers its name."""
    if not lives(state.launcher):
        return []
    os.kill(state.launcher.pid, signal.SIGKILL)
    return ["the launcher"]


def end_leftovers(state: RunState) -> list[str]:
    """Kills what is left of a shop whose supervisor can no longer do it; answers the names once they are gone."""
    if state.supervisor and lives(state.supervisor):
        os.kill(state.supervisor.pid, signal.SIGKILL)  # first, or it starts the others again
    left = {name: it for name, it in reversed(state.processes.items()) if lives(it)}
    for it in left.values():
        with suppress(ProcessLookupError):
            os.killpg(it.pid, signal.SIGKILL)
    deadline = time.monotonic() + GONE_WITHIN
    while any(lives(it) for it in left.values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return list(left)
