"""The transactional outbox: events that are committed together with the state change they describe."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import structlog
from botocore.exceptions import ClientError
from pydantic import ValidationError

from chassis.aws.errors import unavailable, was_unanswered
from chassis.aws.query import every_page
from chassis.core import deadline
from chassis.core.errors import Refused, Unavailable
from chassis.core.events import Event
from chassis.core.fields import Model
from chassis.core.validation import invalid_fields

PAGE = 10  # rows: as many as one call publishes
MAX_ATTEMPTS = 2  # of a transaction that AWS cancels without a lost race, most often because the table is busy

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
        actions = [*writes, {"Put": {"TableName": self._table, "Item": row}}]
        unanswered = False
        for attempt in deadline.attempts(pause=deadline.LONGEST_PAUSE):
            cancelled = self._transact(actions)
            if cancelled is None:
                return True
            unanswered |= was_unanswered(cancelled.response)
            if unanswered and _lost_race(cancelled):
                raise Unavailable("DynamoDB did not answer the first attempt.") from cancelled
            if _lost_race(cancelled):
                return False
            if attempt + 1 == MAX_ATTEMPTS:
                raise (Unavailable if unanswered else Refused)("DynamoDB is too busy.") from cancelled
        raise AssertionError  # attempts() ends by raising

    def _transact(self, actions: list[dict[str, Any]]) -> ClientError | None:
        try:
            with unavailable("DynamoDB"):
                self._dynamodb.transact_write_items(TransactItems=actions, ClientRequestToken=str(uuid.uuid4()))
        except ClientError as error:
            return error
        return None

    def mark_published(self, event: Event) -> None:
        """Deletes the row. Call it only after the bus accepted the event."""
        with unavailable("DynamoDB"):
            self._dynamodb.delete_item(TableName=self._table, Key={"id": event.id})

    def pending(self, min_age: float) -> Iterator[list["PendingEvent"]]:
        """Pages of the events that are more than `min_age` seconds old, and of rows that cannot be read.

        An event that far in the future counts too: the clock of its writer was wrong, and it must not wait.
        """
        for rows in every_page(self._dynamodb.scan, TableName=self._table, ConsistentRead=True, Limit=PAGE):
            page = [PendingEvent.read(row, self._clock()) for row in rows]
            yield [pending for pending in page if pending.event is None or abs(pending.age) > min_age]


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


def _lost_race(error: ClientError) -> bool:
    """True if a condition failed or another write won, False if the table was busy. Raises `error` if it is a bug."""
    response: Any = error.response
    reasons = {reason.get("Code", "None") for reason in response.get("CancellationReasons", [])} - {"None"}
    if response["Error"]["Code"] != "TransactionCanceledException" or "ValidationError" in reasons:
        raise error
    return "ConditionalCheckFailed" in reasons or reasons == {"TransactionConflict"}
