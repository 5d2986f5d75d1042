"""The time a request has left, and retrying within it."""

import math
import random
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from chassis.core.errors import Unavailable

LONGEST_PAUSE = 0.4

_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)


def start(seconds: float) -> None:
    """From now on this context has `seconds` left."""
    _deadline.set(time.monotonic() + seconds)


def remaining() -> float:
    """Seconds; infinite where no deadline was started, as in a worker."""
    return _deadline.get() - time.monotonic()


def attempts(pause: float = 0.02, sleep: Callable[[float], None] = time.sleep) -> Iterator[int]:
    """Counts 0, 1, 2 … with growing, jittered pauses between, for work that may lose a race.

    Raises Unavailable when the deadline passes.
    """
    attempt = 0
    while remaining() > 0:
        yield attempt
        attempt += 1
        sleep(backoff(attempt, pause, LONGEST_PAUSE))
    raise Unavailable("Too busy to finish in time.")


def backoff(failures: int, first: float, longest: float) -> float:
    """Seconds to wait, at random up to a limit that doubles.

    "Full jitter" of "Exponential Backoff And Jitter", AWS Architecture Blog.
    """
    return random.uniform(0, min(longest, first * 2 ** min(failures, 10)))  # noqa: S311 not a secret
