"""The transactional outbox: events committed together with the state that they tell of."""

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

PAGE = 10  # rows: as many as one publish takes
TRIES = 2  # of a transaction that is cancelled although nobody else was first: most often the table is busy

log = structlog.stdlib.get_logger(__name__)


class Outbox:
    """A table whose rows are events not yet known to be on the bus: empty in the steady state."""

    def __init__(self, dynamodb: Any, table: str, clock: Callable[[], float] = time.time) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock

    def commit(self, event: Event, *writes: dict[str, Any]) -> bool:
        """All or nothing: `event` is in the outbox and `writes` (actions of TransactWriteItems) are done.

        False if a condition failed or somebody else was first. Raises Refused when it surely was not done, two tries
        long, and Unavailable when there was no answer, and then it may have happened.
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
            if attempt + 1 == TRIES:
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
        """Only after the bus took the event."""
        with unavailable("DynamoDB"):
            self._dynamodb.delete_item(TableName=self._table, Key={"id": event.id})

    def pending(self, min_age: float) -> Iterator[list["PendingEvent"]]:
        """Pages of what was written more than `min_age` seconds ago, and of rows that cannot be read.

        A row that is dated as far in the future counts as old: the clock of its writer was wrong, and it must not wait.
        """
        for rows in every_page(self._dynamodb.scan, TableName=self._table, ConsistentRead=True, Limit=PAGE):
            leftovers = [PendingEvent.read(row, self._clock()) for row in rows]
            yield [pending for pending in leftovers if pending.event is None or abs(pending.age) > min_age]


class Row(Model):
    """What `commit` wrote; `createdAt` in milliseconds since 1970."""

    id: str
    source: str
    detail_type: str
    detail: str
    createdAt: int


class PendingEvent(NamedTuple):
    """An event still in the outbox, None where its row cannot be read, and for how many seconds."""

    event: Event | None
    age: float

    @classmethod
    def read(cls, row: dict[str, Any], now: float) -> "PendingEvent":
        try:
            read = Row.model_validate(row)
        except ValidationError as error:
            fields = [".".join(map(str, each["loc"])) for each in error.errors()]
            log.error("outbox row cannot be read", row_id=row.get("id"), fields=fields)  # noqa: TRY400 says it all
            return cls(None, 0.0)
        return cls(Event(read.id, read.source, read.detail_type, read.detail), now - read.createdAt / 1000)


def _lost_race(error: ClientError) -> bool:
    """False if the transaction was cancelled although nobody else was first; raises `error` where it is a bug."""
    response: Any = error.response
    reasons = {reason.get("Code", "None") for reason in response.get("CancellationReasons", [])} - {"None"}
    if response["Error"]["Code"] != "TransactionCanceledException" or "ValidationError" in reasons:
        raise error
    return "ConditionalCheckFailed" in reasons or reasons == {"TransactionConflict"}
