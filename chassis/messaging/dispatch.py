"""The first try to send an event that was just committed; a second one is the relay's."""

from typing import Protocol

import structlog

from chassis.core.events import Event

log = structlog.stdlib.get_logger(__name__)


class Publisher(Protocol):
    def publish(self, events: list[Event]) -> list[Event]: ...


class Forgetter(Protocol):
    def forget(self, event: Event) -> None: ...


def send_now(event: Event, bus: Publisher, outbox: Forgetter) -> None:
    """Whatever happens: what is committed cannot fail any more, and what is not sent here the relay sends."""
    try:
        if event in bus.publish([event]):
            outbox.forget(event)
    except Exception as error:  # noqa: BLE001 see above
        log.warning("event left to the relay", event_id=event.id, error=str(error))
