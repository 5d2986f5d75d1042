"""Virtual time: processes that sleep and wait for messages, token buckets, and periods in which something is out."""

import heapq
import random
from collections import deque
from collections.abc import Callable, Generator, Sequence
from itertools import count
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Process = Generator["float | Queue[Any]", None, None]  # yields seconds to sleep, or a queue to wait for
Period = tuple[float, float]  # seconds: from the first, until before the second


class World:
    """Runs events in the order of their times. Its random numbers, and those of the chassis, follow from `seed`."""

    def __init__(self, seed: int = 1) -> None:
        self.now = 0.0  # seconds
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        random.seed(seed)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._number), act))

    def start(self, process: Process) -> None:
        self.after(0, lambda: self._resume(process))

    def run(self, until: float) -> None:
        while self._events and self._events[0][0] <= until:
            self.now, _, act = heapq.heappop(self._events)
            act()
        self.now = until

    def _resume(self, process: Process) -> None:
        wanted = next(process, None)
        if isinstance(wanted, Queue):
            wanted.park(lambda: self.start(process))
        elif wanted is not None:
            self.after(wanted, lambda: self._resume(process))


class Queue(Generic[T]):
    """Messages, and the processes that wait for one."""

    def __init__(self) -> None:
        self.messages: deque[T] = deque()
        self._parked: deque[Callable[[], None]] = deque()

    def put(self, message: T) -> None:
        self.messages.append(message)
        if self._parked:
            self._parked.popleft()()

    def take(self, most: int) -> list[T]:
        return [self.messages.popleft() for _ in range(min(most, len(self.messages)))]

    def park(self, wake: Callable[[], None]) -> None:
        if self.messages:
            wake()
        else:
            self._parked.append(wake)


class Bucket:
    """A token bucket, as AWS describes it: `rate` tokens come back each second, and at most `burst` are there."""

    def __init__(self, world: World, rate: float, burst: float) -> None:
        self._world = world
        self._rate = rate
        self._burst = self._tokens = burst
        self._at = 0.0

    def take(self, tokens: float = 1) -> bool:
        """False if the call is throttled. It then costs nothing."""
        gone = self._world.now - self._at
        self._tokens, self._at = min(self._burst, self._tokens + gone * self._rate), self._world.now
        if self._tokens < tokens:
            return False
        self._tokens -= tokens
        return True


def is_out(periods: Sequence[Period], now: float) -> bool:
    return any(start <= now < end for start, end in periods)


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
