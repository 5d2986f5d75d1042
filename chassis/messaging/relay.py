"""The relay publishes events that were committed but not published."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from chassis import tracing
from chassis.core import metrics
from chassis.core.deadline import backoff
from chassis.core.errors import Unavailable
from chassis.core.events import Event
from chassis.core.measured import OUTBOX_AGE, OUTBOX_BACKLOG, RELAYED
from chassis.messaging.bus import batches
from chassis.messaging.dispatch import Publisher
from chassis.messaging.outbox import Outbox
from chassis.messaging.process import Stop
from chassis.messaging.segment import WHOLE, Segment

MIN_AGE = 5.0  # seconds that the process which committed an event has to publish it
POLL = 1.0  # seconds
LONGEST_PAUSE = 15.0  # seconds: the longest delay of events after an outage of the bus

log = structlog.stdlib.get_logger(__name__)


class Relay:
    """Publishes the events of its `segment` that are at least `min_age` seconds old."""

    def __init__(self, outbox: Outbox, bus: Publisher, min_age: float = MIN_AGE, segment: Segment = WHOLE) -> None:
        self._outbox = outbox
        self._bus = bus
        self._min_age = min_age
        self._segment = segment
        self._failures = 0  # since the last event that was published and removed
        self._pause = POLL  # seconds until the next sweep

    def sweep(self, stop: Stop | None = None) -> int:
        """Publishes the pending events and returns how many. The next sweep retries those that were not published.

        After a failed call it continues with the next events, so every event gets an attempt before any gets a second
        one. With a `stop`, it first waits, longer after each failure: a slow bus may have accepted the events without
        answering in time, and then each attempt publishes a copy.

        Asked to stop, it ends after the current batch, because a process has less time than a long backlog takes.
        """
        sent, readable, backlog, oldest, next_due = 0, 0, 0, 0.0, self._min_age
        self._pause = POLL
        for page in self._outbox.pending(self._segment):
            due = [pending for pending in page if not pending.due_in(self._min_age)]
            next_due = min([next_due, *filter(None, (pending.due_in(self._min_age) for pending in page))])
            events = [pending.event for pending in due if pending.event]
            readable += len(events)
            backlog += len(due)
            oldest = max([oldest, *(pending.age for pending in due)])
            sent += self._relay(events, stop)
            if stop:
                break
        metrics.record(OUTBOX_AGE, round(oldest, 1))
        metrics.record(OUTBOX_BACKLOG, backlog)
        if backlog:
            log.info("outbox swept", backlog=backlog, oldest_seconds=round(oldest, 1), sent=sent)
        if not readable:
            # An event that is not there yet is due `min_age` from now, so no sweep before `next_due` can find one.
            self._failures, self._pause = 0, max(POLL, next_due)
        return sent

    def run(self, stop: Stop) -> None:
        """Sweeps until `stop`. No exception ends it."""
        while not stop:
            with self._logging_errors("outbox not swept"):
                self.sweep(stop)
            metrics.report_if_due()
            stop.wait(self._pause)
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
        began = time.time_ns()
        taken = self._bus.publish(batch)
        for event in taken:
            tracing.record("relay", event.detail_type, event.traceparent, began, event_id=event.id)
        removed = self._remove(taken)
        self._failures = 0 if removed else self._failures + 1
        metrics.record(RELAYED, len(taken))
        return len(taken)

    def _remove(self, taken: list[Event]) -> bool:
        """True if at least one row was removed. The events of the others are published again."""
        removed: list[Event] = []
        with self._logging_errors("published events not removed from the outbox"):
            removed = self._outbox.mark_all_published(taken)
        for event in taken:
            fields = {"event_id": event.id, "detail_type": event.detail_type, **_ids(event)}
            if event in removed:
                log.info("event relayed", **fields)
            else:
                log.warning("published event not removed from the outbox", **fields)
        return bool(removed)

    def _pause_after_failure(self, stop: Stop | None) -> None:
        if stop is not None and self._failures:
            stop.wait(backoff(self._failures, POLL, LONGEST_PAUSE))

    @contextmanager
    def _logging_errors(self, failure: str) -> Iterator[None]:
        try:
            yield
        except Unavailable as error:
            log.warning(failure, detail=error.detail, cause=repr(error.__cause__))
            self._failures += 1
        except Exception:
            log.exception(failure)
            self._failures += 1


def _ids(event: Event) -> dict[str, str | None]:
    trace = tracing.Context.read(event.traceparent)
    return {"correlation_id": event.correlation_id, **({"trace_id": trace.trace_id} if trace else {})}
