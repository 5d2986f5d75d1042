"""How long to wait for processes: as long as they make progress, since a machine may be slow."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

LONGEST = 10  # times the seconds, in all, because a process may be busy forever without an effect
LOOK = 1.0
STEP = 0.25  # seconds. A start takes less than one. Smaller steps would count the answers to our own questions.
PROC = Path("/proc/self")
REMIND = 5.0  # seconds between two lines about a wait


class Patience:
    """Is over once `measure` has not changed for `seconds`, or after `longest` seconds in all."""

    def __init__(
        self,
        seconds: float,
        measure: Callable[[], object],
        longest: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = seconds
        self._measure = measure
        self._clock = clock
        self._begun = self._moved = self._looked = clock()
        self._longest = seconds * LONGEST if longest is None else longest
        self._last = measure()

    @property
    def is_over(self) -> bool:
        now = self._clock()
        if now - self._looked >= min(LOOK, self.seconds / 4):
            self._looked = now
            if (measured := self._measure()) != self._last:
                self._last, self._moved = measured, now
        return now - self._moved > self.seconds or now - self._begun > self._longest

    @property
    def pause(self) -> float:
        """Seconds until the next look. They grow, since each look is work for the process, too."""
        return max(0.05, min(1.0, (self._clock() - self._begun) / 20))


class Reminder:
    """Prints every `REMIND` seconds how long the wait has taken, and `advice`."""

    def __init__(
        self, text: str, say: Callable[[str], None], advice: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._text = text
        self._say = say
        self._advice = advice
        self._clock = clock
        self._begun = clock()
        self._said = 0

    def __call__(self) -> None:
        seconds = int(self._clock() - self._begun)
        if seconds - self._said >= REMIND:
            self._said = seconds
            self._say(f"{self._text} ({seconds} s){self._advice}")


def cpu_seconds(groups: Iterable[int]) -> float:
    """The CPU time of these process groups in steps of `STEP`; 0 where there is none of them."""
    wanted = set(groups)
    used = sum(seconds for group, seconds in (_by_proc() if PROC.is_dir() else _by_ps()) if group in wanted)
    return used // STEP * STEP


def _by_proc() -> Iterator[tuple[int, float]]:
    """Linux. `ps` rounds down to whole seconds there."""
    for file in PROC.parent.glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            fields = (
                file.read_text(errors="replace").rpartition(")")[2].split()
            )  # from the third one on (proc_pid_stat(5))
            yield int(fields[2]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _by_ps() -> Iterator[tuple[int, float]]:
    """Such as macOS, whose times are like `123:04.56`."""
    asked = ["ps", "-A", "-o", "pgid=", "-o", "time="]
    for line in subprocess.run(asked, capture_output=True, text=True, check=False).stdout.splitlines():  # noqa: S603 fixed
        group, time_ = line.split()
        parts = zip(reversed(re.split("[-:]", time_)), (1, 60, 3600, 86400), strict=False)
        yield int(group), sum(float(part) * size for part, size in parts)
