"""The relay: sends the events that the processes which committed them left behind."""

import structlog

from chassis.dispatch import Publisher
from chassis.errors import Unavailable
from chassis.events import Event
from chassis.outbox import Outbox
from chassis.process import Stop

MIN_AGE = 5.0  # seconds that the process which wrote a row has to send it itself
POLL = 1.0

log = structlog.stdlib.get_logger(__name__)


class Relay:
    def __init__(self, outbox: Outbox, bus: Publisher, min_age: float = MIN_AGE) -> None:
        self._outbox = outbox
        self._bus = bus
        self._min_age = min_age

    def sweep(self, stop: Stop | None = None) -> int:
        """Publishes what was left behind and returns how many; what the bus refuses stays for the next sweep.

        Asked to stop, it ends after the page in hand: a long backlog would outlast the time a process has to end.
        """
        sent, backlog, oldest = 0, 0, 0.0
        for page in self._outbox.left_behind(self._min_age):
            backlog += len(page)
            oldest = max([oldest, *(leftover.age for leftover in page)])
            sent += self._relay([leftover.event for leftover in page])
            if stop:
                break
        if backlog:
            log.info("outbox swept", backlog=backlog, oldest_seconds=round(oldest, 1), sent=sent)
        return sent

    def run(self, stop: Stop) -> None:
        while not stop:
            try:
                self.sweep(stop)
            except Unavailable as error:
                log.warning("outbox not swept", detail=error.detail)
            stop.wait(POLL)

    def _relay(self, events: list[Event]) -> int:
        taken = self._bus.publish(events) if events else []
        for event in taken:
            self._outbox.forget(event)
            log.info(
                "event relayed", event_id=event.id, detail_type=event.detail_type, correlation_id=event.correlation_id
            )
        return len(taken)
