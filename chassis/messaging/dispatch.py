"""The first try to send an event that was just committed; a second one is the relay's."""

from typing import Protocol

import structlog

from chassis.core.events import Event

log = structlog.stdlib.get_logger(__name__)


class Publisher(Protocol):
    def publish(self, events: list[Event]) -> list[Event]: ...


class EventOutbox(Protocol):
    def mark_published(self, event: Event) -> None: ...


def publish_now(event: Event, bus: Publisher, outbox: EventOutbox) -> None:
    """Whatever happens: what is committed cannot fail any more, and what is not sent here the relay sends."""
    try:
        if event in bus.publish([event]):
            outbox.mark_published(event)
    except Exception as error:  # noqa: BLE001 see above
        log.warning("event left to the relay", event_id=event.id, error=str(error))
