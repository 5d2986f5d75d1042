"""How long to wait for processes: as long as they make progress, since a machine may be slow."""

import re
import subprocess
import time
from collections.abc import Callable, Iterable

LONGEST = 10  # times the seconds, in all, because a process may be busy forever without an effect
LOOK = 1.0
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


def cpu_seconds(groups: Iterable[int]) -> int:
    """The CPU time of these process groups in whole seconds; 0 where there is none of them."""
    wanted = set(groups)
    asked = ["ps", "-A", "-o", "pgid=", "-o", "time="]
    lines = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.splitlines()  # noqa: S603 fixed
    return sum(_seconds(line.split()[1]) for line in lines if int(line.split()[0]) in wanted)


def _seconds(text: str) -> int:
    """Linux writes `1-02:03:04`, macOS `123:04.56`."""
    total = 0
    for part, size in zip(reversed(re.split("[-:]", text.partition(".")[0])), (1, 60, 3600, 86400), strict=False):
        total += int(part) * size
    return total
