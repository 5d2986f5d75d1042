"""The crash points: where a process ends with `os._exit`, once, and what it leaves behind."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.processes import eventually

EXIT = 137  # the exit code of a container that the kernel killed
USERS = 5  # so many that a batch can be half done
DONE = 2  # messages or rows of a batch that AWS has deleted when a process crashes


class Snapshot(NamedTuple):
    """Rows and messages just after the crash."""

    baskets: int
    receipts: int
    outbox: int
    queue: int
    orders: int


class Point(NamedTuple):
    name: str
    process: str
    left: Snapshot
    draining: bool = False  # the process has received SIGTERM and is finishing its work
    answered: int = 0  # so many clients have a 202, and their events are in the background


BEFORE_COMMIT = Point("before the transaction", "basket", Snapshot(USERS, 0, 0, 0, 0))
BEFORE_PUBLISH = Point("committed, not published", "basket", Snapshot(USERS - 1, 1, 1, 0, 0))
BEFORE_MARK = Point("published, not marked as published", "basket", Snapshot(USERS - 1, 1, 1, 1, 0))
ANSWERED = Point("answered, not published", "basket", BEFORE_PUBLISH.left, answered=1)
ANSWERED_BEFORE_MARK = Point("answered and published, not marked", "basket", BEFORE_MARK.left, answered=1)
RECEIVED = Point("received, not handled", "consumer", Snapshot(0, USERS, 0, USERS, 0))
BEFORE_DELETE = Point("order written, message not deleted", "consumer", Snapshot(0, USERS, 0, USERS, USERS))
BETWEEN_DELETES = Point("half of the batch deleted", "consumer", Snapshot(0, USERS, 0, USERS - DONE, USERS))
MID_RELAY = Point("half of the relay's batch marked", "relay", Snapshot(0, USERS, USERS - DONE, USERS, 0))
DRAINING_BASKET = Point("basket is draining", "basket", BEFORE_PUBLISH.left, draining=True)
DRAINING_FULL = Point(
    "basket is draining, many events wait", "basket", Snapshot(0, USERS, USERS, 0, 0), draining=True, answered=USERS
)
DRAINING_RELAY = Point("relay is draining", "relay", MID_RELAY.left, draining=True)
DRAINING_CONSUMER = Point("consumer is draining", "consumer", BEFORE_DELETE.left, draining=True)
POINTS = (
    BEFORE_COMMIT, BEFORE_PUBLISH, BEFORE_MARK, ANSWERED, ANSWERED_BEFORE_MARK, RECEIVED, BEFORE_DELETE,
    BETWEEN_DELETES, MID_RELAY, DRAINING_BASKET, DRAINING_FULL, DRAINING_RELAY, DRAINING_CONSUMER,
)  # fmt: skip


class Crash:
    """Ends this process at `point`, unless `marker` shows that an earlier process has crashed there.

    `drain` asks this process to stop and returns once it is stopping. If clients must have their answers before, the
    file `answered` shows that they have.
    """

    def __init__(self, point: Point, marker: Path, answered: Path) -> None:
        self.drain: Callable[[], None] = _undefined
        self.in_background = bool(point.answered)
        self._point = point
        self._marker = marker
        self._answered = answered

    @property
    def due(self) -> bool:
        return not self._marker.exists()

    def crash(self) -> None:
        if not self.due:
            return
        if self._point.answered:
            eventually(self._answered.exists)
        if self._point.draining:
            self.drain()
        self._marker.write_text(str(os.getpid()))
        os._exit(EXIT)

    def before(self, inner: Any, method: str, *points: Point) -> Any:
        """`inner`, but at one of `points` the process crashes instead of calling `method`."""
        getattr(inner, method)  # a renamed method must not turn into a process that never crashes
        return _Before(inner, method, self.crash) if self._point in points else inner

    def between_deletes(self, sqs: Any) -> Any:
        return _HalfDeleted(sqs, self) if self._point == BETWEEN_DELETES else sqs

    def between_marks(self, dynamodb: Any) -> Any:
        return _HalfMarked(dynamodb, self) if self._point in {MID_RELAY, DRAINING_RELAY} else dynamodb

    def crashed(self, pid: int) -> bool:
        return not self.due and self._marker.read_text() == str(pid)


def _undefined() -> None:
    raise NotImplementedError("how this process drains")


class _Before:
    def __init__(self, inner: Any, method: str, crash: Callable[[], None]) -> None:
        self._inner = inner
        self._method = method
        self._crash = crash

    def __getattr__(self, name: str) -> Any:
        return self._call if name == self._method else getattr(self._inner, name)

    def _call(self, *arguments: Any, **named: Any) -> Any:
        self._crash()
        return getattr(self._inner, self._method)(*arguments, **named)


class _HalfDeleted:
    """An SQS client. SQS has deleted some messages of a batch when the process crashes."""

    def __init__(self, inner: Any, crash: Crash) -> None:
        self._inner = inner
        self._crash = crash

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def delete_message_batch(self, **request: Any) -> Any:
        if self._crash.due:
            self._inner.delete_message_batch(**request | {"Entries": request["Entries"][:DONE]})
            self._crash.crash()
        return self._inner.delete_message_batch(**request)


class _HalfMarked:
    """A DynamoDB client. DynamoDB has deleted some rows of a batch when the process crashes."""

    def __init__(self, inner: Any, crash: Crash) -> None:
        self._inner = inner
        self._crash = crash

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def batch_write_item(self, *, RequestItems: dict[str, list[Any]]) -> Any:  # noqa: N803 AWS's name
        if self._crash.due:
            some = {table: writes[:DONE] for table, writes in RequestItems.items()}
            self._inner.batch_write_item(RequestItems=some)
            self._crash.crash()
        return self._inner.batch_write_item(RequestItems=RequestItems)
