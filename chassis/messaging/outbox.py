"""The transactional outbox: events that are committed together with the state change they describe."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import structlog
from pydantic import ValidationError

from chassis.aws.errors import unavailable
from chassis.aws.query import every_page
from chassis.aws.transactions import commit
from chassis.core import deadline
from chassis.core.events import Event
from chassis.core.fields import Model
from chassis.core.validation import invalid_fields
from chassis.messaging.segment import WHOLE, Segment

PAGE = 100  # rows; 1 MB ends a page earlier
MAX_DELETES = 3  # calls, while a busy table deletes only some of the rows

log = structlog.stdlib.get_logger(__name__)


class Outbox:
    """A table of events that may not be published yet. Most of the time it is empty."""

    def __init__(self, dynamodb: Any, table: str, clock: Callable[[], float] = time.time) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock

    def commit(self, event: Event, *writes: dict[str, Any]) -> bool:
        """Writes `event` into the outbox and executes `writes` (actions of TransactWriteItems) in one transaction.

        Returns False if a condition failed or a concurrent write won. Raises Refused if two attempts were refused, so
        nothing was written, and Unavailable if an attempt got no answer, so it may have taken effect.
        """
        row = event._asdict() | {"createdAt": int(self._clock() * 1000)}
        return commit(self._dynamodb, [*writes, {"Put": {"TableName": self._table, "Item": row}}])

    def mark_published(self, event: Event) -> None:
        """Deletes the row. Call it only after the bus accepted the event."""
        with unavailable("DynamoDB"):
            self._dynamodb.delete_item(TableName=self._table, Key={"id": event.id})

    def mark_all_published(self, events: Sequence[Event]) -> list[Event]:
        """Deletes the rows of at most 25 events, as `mark_published`, and returns the events that have no row any more.

        Usually this is one call. A busy table may delete only some rows. The others get further attempts.
        """
        left = {event.id for event in events}
        for attempt in deadline.attempts(pause=deadline.LONGEST_PAUSE):
            if left:
                left = self._delete(left)
            if not left or attempt + 1 == MAX_DELETES:
                break
        return [event for event in events if event.id not in left]

    @unavailable("DynamoDB")
    def _delete(self, ids: set[str]) -> set[str]:
        """Returns the IDs whose rows are still there."""
        deletes = [{"DeleteRequest": {"Key": {"id": event_id}}} for event_id in ids]
        answer = self._dynamodb.batch_write_item(RequestItems={self._table: deletes})
        return {left["DeleteRequest"]["Key"]["id"] for left in answer["UnprocessedItems"].get(self._table, [])}

    def pending(self, segment: Segment = WHOLE) -> Iterator[list["PendingEvent"]]:
        """Pages of all events that are not marked as published, and of rows that cannot be read."""
        part = {"Segment": segment.number - 1, "TotalSegments": segment.total}
        for rows in every_page(self._dynamodb.scan, TableName=self._table, ConsistentRead=True, Limit=PAGE, **part):
            yield [PendingEvent.read(row, self._clock()) for row in rows]


class Row(Model):
    """A row as `commit` writes it. `createdAt` is in milliseconds since 1970."""

    id: str
    source: str
    detail_type: str
    detail: str
    createdAt: int


class PendingEvent(NamedTuple):
    """An event in the outbox, or None if its row cannot be read, and its age in seconds."""

    event: Event | None
    age: float

    @classmethod
    def read(cls, row: dict[str, Any], now: float) -> "PendingEvent":
        try:
            read = Row.model_validate(row)
        except ValidationError as error:
            log.error("outbox row cannot be read", row_id=row.get("id"), fields=invalid_fields(error))  # noqa: TRY400
            return cls(None, 0.0)
        return cls(Event(read.id, read.source, read.detail_type, read.detail), now - read.createdAt / 1000)

    def due_in(self, min_age: float) -> float:
        """Seconds until the event is `min_age` seconds old. Zero for a row that cannot be read.

        Zero also for an event that far in the future: the clock of its writer was wrong, and it must not wait.
        """
        return max(0.0, min_age - self.age) if self.event and abs(self.age) <= min_age else 0.0
