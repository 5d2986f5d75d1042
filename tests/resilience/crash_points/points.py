"""Death at one point, once: where a process of the crash matrix ends, and the collaborators that bring it there."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

EXIT = 137  # what is told of a container that the kernel killed
USERS = 5  # so that "mid-batch" is meant literally
FORGOTTEN = DELETED = 2  # of those, when death comes between


class Scene(NamedTuple):
    """What the tables and queues hold when the process has just died and nothing else has moved yet."""

    baskets: int
    receipts: int
    outbox: int
    queue: int
    orders: int


class Point(NamedTuple):
    name: str
    victim: str
    left: Scene


BEFORE_COMMIT = Point("C1 before the transaction", "basket", Scene(USERS, 0, 0, 0, 0))
BEFORE_PUBLISH = Point("C2 committed, not published", "basket", Scene(USERS - 1, 1, 1, 0, 0))
BEFORE_FORGET = Point("C3 published, not forgotten", "basket", Scene(USERS - 1, 1, 1, 1, 0))
RECEIVED = Point("C4 received, not handled", "consumer", Scene(0, USERS, 0, USERS, 0))
BEFORE_DELETE = Point("C5 written, not deleted", "consumer", Scene(0, USERS, 0, USERS, USERS))
BETWEEN_DELETES = Point("C6 between deletes", "consumer", Scene(0, USERS, 0, USERS - DELETED, USERS))
MID_RELAY = Point("C7 relay mid-batch", "relay", Scene(0, USERS, USERS - FORGOTTEN, USERS, 0))
# Asked to end while it has something in hand, and dead before that is done.
DRAINING_BASKET = Point("C8 basket draining", "basket", Scene(USERS - 1, 1, 1, 0, 0))
DRAINING_RELAY = Point("C8 relay draining", "relay", Scene(0, USERS, USERS - FORGOTTEN, USERS, 0))
DRAINING_CONSUMER = Point("C8 consumer draining", "consumer", Scene(0, USERS, 0, USERS, USERS))
POINTS = (
    BEFORE_COMMIT, BEFORE_PUBLISH, BEFORE_FORGET,
    RECEIVED, BEFORE_DELETE, BETWEEN_DELETES,
    MID_RELAY,
    DRAINING_BASKET, DRAINING_RELAY, DRAINING_CONSUMER,
)  # fmt: skip
DRAINING = (DRAINING_BASKET, DRAINING_RELAY, DRAINING_CONSUMER)


class Crash:
    """`marker` tells the process that is started next that it may live; `drain` returns once the process is ending."""

    def __init__(self, point: Point, marker: Path) -> None:
        self.drain: Callable[[], None] = _undefined
        self._point = point
        self._marker = marker

    @property
    def due(self) -> bool:
        return not self._marker.exists()

    def die(self) -> None:
        if not self.due:
            return
        if self._point in DRAINING:
            self.drain()
        self._marker.write_text(str(os.getpid()))
        os._exit(EXIT)

    def before(self, inner: Any, method: str, *points: Point, spared: int = 0) -> Any:
        """`inner`; at these points death comes instead of the call of `method` that follows `spared` others."""
        return _Before(inner, method, self.die, spared) if self._point in points else inner

    def between_deletes(self, sqs: Any) -> Any:
        return _HalfDeleted(sqs, self) if self._point == BETWEEN_DELETES else sqs

    def killed(self, pid: int) -> bool:
        return not self.due and self._marker.read_text() == str(pid)


def _undefined() -> None:
    raise NotImplementedError("how this process drains")


class _Before:
    def __init__(self, inner: Any, method: str, die: Callable[[], None], spared: int) -> None:
        self._inner = inner
        self._method = method
        self._die = die
        self._spared = spared

    def __getattr__(self, name: str) -> Any:
        return self._call if name == self._method else getattr(self._inner, name)

    def _call(self, *arguments: Any, **named: Any) -> Any:
        self._spared -= 1
        if self._spared < 0:
            self._die()
        return getattr(self._inner, self._method)(*arguments, **named)


class _HalfDeleted:
    """An SQS client: of a batch to be deleted SQS has done some when the process dies."""

    def __init__(self, inner: Any, crash: Crash) -> None:
        self._inner = inner
        self._crash = crash

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def delete_message_batch(self, **request: Any) -> Any:
        if self._crash.due:
            self._inner.delete_message_batch(**request | {"Entries": request["Entries"][:DELETED]})
            self._crash.die()
        return self._inner.delete_message_batch(**request)
