"""Stops a process in the middle of a run, and starts it again whatever happens."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

PROCESS = "ordering-consumer"
WITHIN = 35.0  # seconds that a process may take to stop: it finishes its batch


class Processes(Protocol):
    def start(self, name: str) -> None: ...

    def stop(self, names: list[str], within: float, waiting: Callable[[], None]) -> None: ...


@dataclass
class Outage:
    """`begin` and `seconds` are the plan, `stopped` and `started` what happened, in seconds since 1970."""

    processes: Processes
    begin: float
    seconds: float
    say: Callable[[str], None]
    stopped: float | None = None
    started: float | None = None

    def step(self, now: float, waiting: Callable[[], None] = lambda: None) -> None:
        """Does what is due. `waiting` is called again and again while the process stops."""
        if self.stopped is None and now >= self.begin:
            self.stopped = now
            self.say(f"Stopping {PROCESS} for {self.seconds:g} s")
            self.processes.stop([PROCESS], WITHIN, waiting)
        elif self.stopped is not None and self.started is None and now >= self.stopped + self.seconds:
            self.end(now)

    def end(self, now: float) -> None:
        """To be called at the end, too, however the run ended."""
        if self.stopped is not None and self.started is None:
            self.processes.start(PROCESS)
            self.started = now
            self.say(f"Started {PROCESS} again")

    def shown(self, start: float) -> dict[str, Any] | None:
        if self.stopped is None or self.started is None:
            return None
        return {
            "process": PROCESS,
            "from": round(self.stopped - start, 1),
            "to": round(self.started - start, 1),
        }
