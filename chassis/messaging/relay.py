"""The relay publishes events that were committed but not published."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from chassis.core.deadline import backoff
from chassis.core.errors import Unavailable
from chassis.core.events import Event
from chassis.messaging.bus import batches
from chassis.messaging.dispatch import Publisher
from chassis.messaging.outbox import Outbox
from chassis.messaging.process import Stop

MIN_AGE = 5.0  # seconds that the process which committed an event has to publish it
POLL = 1.0  # seconds
LONGEST_PAUSE = 15.0  # seconds: the longest delay of events after an outage of the bus

log = structlog.stdlib.get_logger(__name__)


class Relay:
    def __init__(self, outbox: Outbox, bus: Publisher, min_age: float = MIN_AGE) -> None:
        self._outbox = outbox
        self._bus = bus
        self._min_age = min_age
        self._failures = 0  # since the last event that was published and removed

    def sweep(self, stop: Stop | None = None) -> int:
        """Publishes the pending events and returns how many. The next sweep retries those that were not published.

        After a failed call it continues with the next events, so every event gets an attempt before any gets a second
        one. With a `stop`, it first waits, longer after each failure: a slow bus may have accepted the events without
        answering in time, and then each attempt publishes a copy.

        Asked to stop, it ends after the current call, because a process has less time than a long backlog takes.
        """
        sent, readable, backlog, oldest = 0, 0, 0, 0.0
        for page in self._outbox.pending(self._min_age):
            events = [pending.event for pending in page if pending.event]
            readable += len(events)
            backlog += len(page)
            oldest = max([oldest, *(pending.age for pending in page)])
            sent += self._relay(events, stop)
            if stop:
                break
        if backlog:
            log.info("outbox swept", backlog=backlog, oldest_seconds=round(oldest, 1), sent=sent)
        if not readable:
            self._failures = 0
        return sent

    def run(self, stop: Stop) -> None:
        """Sweeps until `stop`. No exception ends it."""
        while not stop:
            with self._logging_errors("outbox not swept"):
                self.sweep(stop)
            stop.wait(POLL)
            self._pause_after_failure(stop)

    def _relay(self, events: list[Event], stop: Stop | None) -> int:
        sent = 0
        for batch in batches(events):
            with self._logging_errors("events not published"):
                sent += self._publish(batch)
            self._pause_after_failure(stop)
            if stop:
                break
        return sent

    def _publish(self, batch: list[Event]) -> int:
        taken = self._bus.publish(batch)
        removed = [event for event in taken if self._remove(event)]
        self._failures = 0 if removed else self._failures + 1
        return len(taken)

    def _remove(self, event: Event) -> bool:
        fields = {"event_id": event.id, "detail_type": event.detail_type, "correlation_id": event.correlation_id}
        with self._logging_errors("published event not removed from the outbox", **fields):
            self._outbox.mark_published(event)
            log.info("event relayed", **fields)
            return True
        return False

    def _pause_after_failure(self, stop: Stop | None) -> None:
        if stop is not None and self._failures:
            stop.wait(backoff(self._failures, POLL, LONGEST_PAUSE))

    @contextmanager
    def _logging_errors(self, failure: str, **fields: str | None) -> Iterator[None]:
        try:
            yield
        except Unavailable as error:
            log.warning(failure, detail=error.detail, cause=repr(error.__cause__), **fields)
            self._failures += 1
        except Exception:
            log.exception(failure, **fields)
            self._failures += 1
