"""Publishes events to EventBridge and checks the result of each entry."""

from collections.abc import Iterator, Sequence
from typing import Any

import structlog
from botocore.exceptions import ClientError

from chassis.aws.errors import unavailable
from chassis.core.events import Event

MAX_ENTRIES = 10
MAX_BYTES = 256 * 1024  # AWS raised its limit to 1 MB in 2026, but older SQS queues still accept only 256 KB

log = structlog.stdlib.get_logger(__name__)


class EventBus:
    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def publish(self, events: Sequence[Event]) -> list[Event]:
        """Publishes `events` in as few calls as possible and returns those that the bus accepted.

        Raises Unavailable if the bus does not answer. The bus may have accepted some of the events.
        """
        return [event for batch in batches(events) for event in self._send(batch)]

    def _send(self, batch: list[Event]) -> list[Event]:
        try:
            with unavailable("EventBridge"):
                answer = self._client.put_events(Entries=[self._entry(event) for event in batch])
        except ClientError as error:
            return self._split(batch, error)
        results = list(zip(batch, answer["Entries"], strict=True))
        for event, result in results:
            if "EventId" not in result:
                log.warning("event refused", event_id=event.id, code=result.get("ErrorCode"))
        return [event for event, result in results if "EventId" in result]

    def _split(self, batch: list[Event], error: ClientError) -> list[Event]:
        """One entry can make the bus refuse the whole call. Halving the batch finds it and publishes the others."""
        if len(batch) == 1:
            log.error("event refused", event_id=batch[0].id, code=error.response["Error"]["Code"])
            return []
        middle = len(batch) // 2
        return [*self._send(batch[:middle]), *self._send(batch[middle:])]

    def _entry(self, event: Event) -> dict[str, str]:
        return {
            "EventBusName": self._name,
            "Source": event.source,
            "DetailType": event.detail_type,
            "Detail": event.detail,
        }


def batches(events: Sequence[Event]) -> Iterator[list[Event]]:
    """Batches of at most ten events and 256 KB. A larger event is logged and left out, because no bus accepts it."""
    batch: list[Event] = []
    for event in events:
        if event.size > MAX_BYTES:
            log.error("event too large", event_id=event.id, bytes=event.size)
            continue
        if batch and (len(batch) == MAX_ENTRIES or sum(e.size for e in batch) + event.size > MAX_BYTES):
            yield batch
            batch = []
        batch.append(event)
    if batch:
        yield batch
