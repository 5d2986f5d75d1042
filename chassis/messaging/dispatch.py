"""Publishes an event right after its commit, so that it need not wait for the relay."""

from collections.abc import Callable
from typing import Protocol

import structlog

from chassis.core.events import Event

Publish = Callable[[Event], object]

log = structlog.stdlib.get_logger(__name__)


class Publisher(Protocol):
    def publish(self, events: list[Event]) -> list[Event]: ...


class EventOutbox(Protocol):
    def mark_published(self, event: Event) -> None: ...


def publish_now(event: Event, bus: Publisher, outbox: EventOutbox) -> None:
    """Best effort: never raises. The relay publishes whatever this attempt did not."""
    try:
        if event in bus.publish([event]):
            outbox.mark_published(event)
    except Exception as error:  # noqa: BLE001 see above
        log.warning("event left to the relay", event_id=event.id, error=str(error))
