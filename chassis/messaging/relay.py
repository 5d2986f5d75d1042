"""The relay: sends the events that the processes which committed them left behind."""

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

MIN_AGE = 5.0  # seconds that the process which wrote a row has to send it itself
POLL = 1.0
LONGEST_PAUSE = 15.0  # seconds: how late events may be once the bus is back

log = structlog.stdlib.get_logger(__name__)


class Relay:
    def __init__(self, outbox: Outbox, bus: Publisher, min_age: float = MIN_AGE) -> None:
        self._outbox = outbox
        self._bus = bus
        self._min_age = min_age
        self._failures = 0  # since an event was published and removed

    def sweep(self, stop: Stop | None = None) -> int:
        """Publishes what was left behind and returns how many; what does not get through stays for the next sweep.

        After a call that published nothing it goes on with the next events, so that all are tried before one is tried
        again. With a `stop` it waits before, longer each time: a slow bus may have taken what it did not answer, and
        then each try makes a copy.

        Asked to stop, it ends after the call in hand: a long backlog would outlast the time a process has to end.
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
        """Until `stop`. No error ends it."""
        while not stop:
            with self._surviving("outbox not swept"):
                self.sweep(stop)
            stop.wait(POLL)
            self._rest(stop)

    def _relay(self, events: list[Event], stop: Stop | None) -> int:
        sent = 0
        for batch in batches(events):
            with self._surviving("events not published"):
                sent += self._publish(batch)
            self._rest(stop)
            if stop:
                break
        return sent

    def _publish(self, batch: list[Event]) -> int:
        taken = self._bus.publish(batch)
        removed = [event for event in taken if self._remove(event)]
        self._failures = 0 if removed else self._failures + 1
        return len(taken)

    def _remove(self, event: Event) -> bool:
        told = {"event_id": event.id, "detail_type": event.detail_type, "correlation_id": event.correlation_id}
        with self._surviving("published event not removed from the outbox", **told):
            self._outbox.mark_published(event)
            log.info("event relayed", **told)
            return True
        return False

    def _rest(self, stop: Stop | None) -> None:
        if stop is not None and self._failures:
            stop.wait(backoff(self._failures, POLL, LONGEST_PAUSE))

    @contextmanager
    def _surviving(self, failure: str, **told: str | None) -> Iterator[None]:
        try:
            yield
        except Unavailable as error:
            log.warning(failure, detail=error.detail, cause=repr(error.__cause__), **told)
            self._failures += 1
        except Exception:
            log.exception(failure, **told)
            self._failures += 1
