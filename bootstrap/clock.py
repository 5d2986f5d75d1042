"""Time as a collaborator, so that tests need not wait."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """A monotonic time in seconds, and a way to wait."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def polls(self, seconds: float, *, first: float = 0.1, longest: float = 3.0) -> Iterator[float]:
        """Yields the elapsed seconds at least once and with growing pauses, until `seconds` are over."""
        start, pause = self.now(), first
        while True:
            gone = self.now() - start
            yield gone
            if gone >= seconds:
                return
            self.sleep(min(pause, max(seconds - gone, 0.01)))
            pause = min(pause * 1.5, longest)
