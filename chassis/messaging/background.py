"""Publishes events in threads of their own, so that no client waits for the bus. Only web processes use it."""

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Semaphore

from chassis.core import deadline
from chassis.core.events import Event
from chassis.messaging.dispatch import Publish

THREADS = 4
# Events that wait or are being published. If the bus hangs, the last of them ends after about four seconds, which is
# less than the relay's MIN_AGE and gunicorn's graceful time-out.
CAPACITY = 16


def in_background(publish: Publish, env: Mapping[str, str]) -> Publish:
    """`publish` in threads of its own, or as it is with SHOP_BACKGROUND=off, where no thread runs after a response."""
    return publish if env.get("SHOP_BACKGROUND") == "off" else InBackground(publish)


class InBackground:
    """Calls `publish` in one of a few threads, with the caller's log context and without its deadline.

    The caller publishes the event itself if the threads have enough to do, so a slow bus slows the clients down instead
    of filling the memory. A process that stops first publishes what it accepted: at exit, Python ends these threads
    after their last event. The threads start with the first event, so none exists when gunicorn forks.
    """

    def __init__(self, publish: Publish, capacity: int = CAPACITY) -> None:
        self._publish = publish
        self._free = Semaphore(capacity)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="publish")

    def __call__(self, event: Event) -> None:
        if not self._free.acquire(blocking=False):
            self._publish(event)
            return
        try:
            self._threads.submit(copy_context().run, self._run, event)
        except RuntimeError:  # the process is exiting, or no further thread can be started
            self._publish(event)

    def _run(self, event: Event) -> None:
        try:
            deadline.start(math.inf)
            self._publish(event)
        finally:
            self._free.release()
