"""The deadline of a request, and retries before it."""

import math
import random
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from typing import TypeVar

from chassis.core.errors import Unavailable

LONGEST_PAUSE = 0.4  # seconds

M = TypeVar("M")
R = TypeVar("R")

_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)


def start(seconds: float) -> None:
    """Sets the deadline of this context to `seconds` from now."""
    _deadline.set(time.monotonic() + seconds)


def limited(handle: Callable[[M], R], seconds: float) -> Callable[[M], R]:
    """`handle` with a deadline of its own, unless that of its context is earlier.

    It ends with `handle`, because a thread that handles messages lives on.
    """

    def handle_before_deadline(message: M) -> R:
        def run() -> R:
            start(min(seconds, remaining()))
            return handle(message)

        return copy_context().run(run)

    return handle_before_deadline


def remaining() -> float:
    """Seconds until the deadline. Infinite if none was set, as in a relay or a consumer."""
    return _deadline.get() - time.monotonic()


def attempts(pause: float = 0.02, sleep: Callable[[float], None] = time.sleep) -> Iterator[int]:
    """Yields 0, 1, 2 … with growing, jittered pauses between them, to retry an operation.

    Raises Unavailable when the deadline has passed.
    """
    attempt = 0
    while remaining() > 0:
        yield attempt
        attempt += 1
        sleep(backoff(attempt, pause, LONGEST_PAUSE))
    raise Unavailable("The service was too busy to finish in time. Try again.")


def backoff(failures: int, first: float, longest: float) -> float:
    """Seconds to wait: random, up to a limit that doubles with each failure.

    This is "full jitter" from "Exponential Backoff And Jitter" (AWS Architecture Blog).
    """
    return random.uniform(0, min(longest, first * 2 ** min(failures, 10)))  # noqa: S311 not a secret
