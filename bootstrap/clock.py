"""Time as a collaborator, so that tests wait for nothing."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """Seconds that only go forward, and a way to let some pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def polls(self, seconds: float, *, first: float = 0.1, longest: float = 3.0) -> Iterator[float]:
        """Yields the seconds gone, at least once, ever more slowly, until `seconds` are over."""
        start, pause = self.now(), first
        while True:
            gone = self.now() - start
            yield gone
            if gone >= seconds:
                return
            self.sleep(min(pause, max(seconds - gone, 0.01)))
            pause = min(pause * 1.5, longest)
