"""How a process without a web server ends: a signal wakes it when idle, and lets it finish what it has in hand."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

T = TypeVar("T")


class Interrupted(BaseException):
    """Raised inside an idle wait by a signal; not an Exception, or a client's retry logic would swallow it."""


class Stop:
    """True once the process was asked to end."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._idle = False

    def __bool__(self) -> bool:
        return self._asked.is_set()

    def on_signals(self) -> "Stop":
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._on_signal)
        return self

    def ask(self) -> None:
        self._asked.set()

    def wait(self, seconds: float) -> None:
        """Returns after `seconds`, or at once when asked to stop."""
        self._asked.wait(seconds)

    def interruptible(self, wait: Callable[[], T]) -> T | None:
        """What `wait` returns, or None if a signal cut it short: for waits of which nothing is lost, as a long poll."""
        try:
            try:
                self._idle = True
                return None if self else wait()
            finally:
                self._idle = False
        except Interrupted:
            return None

    def _on_signal(self, _signum: int, _frame: FrameType | None) -> None:
        self._asked.set()
        if self._idle:
            self._idle = False
            raise Interrupted
