"""Graceful shutdown of a process without a web server. A signal ends an idle wait, but not the current work."""

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

T = TypeVar("T")


class Interrupted(BaseException):
    """Raised by a signal during an idle wait. Not an Exception, so that a client's retry logic does not catch it."""


class Stop:
    """True after the process was asked to stop."""

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
        """Returns after `seconds`, or as soon as the process is asked to stop."""
        self._asked.wait(seconds)

    def interruptible(self, wait: Callable[[], T]) -> T | None:
        """The result of `wait`, or None if a signal interrupted it. It must be safe to interrupt, like a long poll."""
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
