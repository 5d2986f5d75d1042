"""The bus client: a publish that reads the result of each entry."""

from collections.abc import Iterator, Sequence
from typing import Any

import structlog
from botocore.exceptions import ClientError

from chassis.aws.errors import unavailable
from chassis.core.events import Event

MAX_ENTRIES = 10
MAX_BYTES = 256 * 1024  # AWS raised its limit to 1 MB in 2026; SQS queues made before still take 256 KB

log = structlog.stdlib.get_logger(__name__)


class EventBus:
    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def publish(self, events: Sequence[Event]) -> list[Event]:
        """Sends `events` in as few calls as fit; returns those that the bus took.

        Raises Unavailable when the bus does not answer; what was sent by then may be sent again.
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
        """A call refused as a whole may be one entry's fault: halves find it, and the others get through."""
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
    """Runs of at most ten events and 256 KB; one that is larger alone is left out, for no bus would take it."""
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
