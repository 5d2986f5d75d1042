"""The relay and a bus that is slow, unavailable or broken. test_outbox.py runs the relay on a real table."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from chassis.aws import clients
from chassis.core.errors import Unavailable
from chassis.core.events import Event
from chassis.messaging import relay
from chassis.messaging.outbox import Outbox, PendingEvent
from chassis.messaging.process import Stop
from chassis.messaging.relay import Relay
from chassis.messaging.segment import WHOLE, Segment
from chassis.tracing.spans import Finished

Publish = Callable[[list[Event]], list[Event]]
DOWN = Unavailable("EventBridge does not answer.")


class Rows(Outbox):
    """An outbox in memory, read in pages of two."""

    def __init__(self, count: int) -> None:
        self.rows = {f"e{n}": Event(f"e{n}", "s", "d", "{}") for n in range(count)}
        self.down = 0

    def pending(self, segment: Segment = WHOLE) -> Iterator[list[PendingEvent]]:
        if self.down:
            self.down -= 1
            raise Unavailable("DynamoDB does not answer.")
        events = list(self.rows.values())
        for first in range(0, len(events), 2):
            yield [PendingEvent(event, 60.0) for event in events[first : first + 2]]

    def mark_all_published(self, events: Sequence[Event]) -> list[Event]:
        for event in events:
            del self.rows[event.id]
        return [*events]


class Clock(Stop):
    """A stop that is requested after `seconds`. Its waits take no real time."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.now = 0.0
        self.waits: list[float] = []
        self._seconds = seconds

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.pass_(seconds)

    def pass_(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self._seconds:
            self.ask()


class Bus:
    """The first calls raise `errors`, and later ones succeed. `copies` counts the accepted copies of each event."""

    def __init__(self, *errors: Exception) -> None:
        self.calls: list[list[str]] = []
        self.copies: Counter[str] = Counter()
        self._errors = [*errors]

    def publish(self, events: list[Event]) -> list[Event]:
        self.calls.append([event.id for event in events])
        if self._errors:
            raise self._errors.pop(0)
        self.copies.update(event.id for event in events)
        return events


def test_unanswered_call_does_not_delay_the_next_page() -> None:
    rows, bus = Rows(4), Bus(DOWN)
    assert Relay(rows, bus).sweep() == 2
    assert list(rows.rows) == ["e0", "e1"]
    assert bus.calls == [["e0", "e1"], ["e2", "e3"]]


def test_published_events_are_removed_before_the_next_call() -> None:
    rows = Rows(2)
    rows.rows = {name: event._replace(detail="x" * 200_000) for name, event in rows.rows.items()}
    first = Bus()
    publish = first.publish

    def once(events: list[Event]) -> list[Event]:
        if first.calls:
            raise DOWN
        return publish(events)

    first.publish = once  # type: ignore[method-assign] # its second call fails
    assert Relay(rows, first).sweep() == 1
    assert list(rows.rows) == ["e1"]


class Slow:
    """Accepts every event, but answers after `seconds`, perhaps after the relay's time-out."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.copies: Counter[str] = Counter()
        self._clock = clock
        self._seconds = seconds

    def publish(self, events: list[Event]) -> list[Event]:
        self.copies.update(event.id for event in events)
        self._clock.pass_(min(self._seconds, clients.RELAY.read))
        if self._seconds > clients.RELAY.read:
            raise DOWN
        return events


def test_slow_answer_of_the_bus_is_awaited() -> None:
    clock, rows = Clock(30), Rows(40)
    bus = Slow(clock, 0.6)
    Relay(rows, bus).run(clock)
    assert rows.rows == {}
    assert bus.copies == Counter({f"e{n}": 1 for n in range(40)})


def test_every_event_gets_an_attempt_before_any_gets_a_second_one() -> None:
    clock, rows = Clock(300), Rows(8)
    bus = Slow(clock, clients.RELAY.read + 1)
    Relay(rows, bus).run(clock)
    assert len(bus.copies) == 8
    assert max(bus.copies.values()) - min(bus.copies.values()) <= 1
    assert bus.copies.total() <= 8 * 300 / (4 * clients.RELAY.read) + 8  # each page gets at most one of four calls


def test_relay_backs_off_with_jitter_while_the_bus_is_unavailable() -> None:
    clock = Clock(1000)
    bus = Bus(*[DOWN] * 10_000)
    Relay(Rows(2), bus).run(clock)
    pauses = [wait for wait in clock.waits if wait != relay.POLL]
    assert max(pauses[:2]) <= 4 * relay.POLL < max(pauses) <= relay.LONGEST_PAUSE
    assert len(set(pauses)) == len(pauses)  # jitter
    assert len(bus.calls) < 150  # one call per second would be 1,000


def test_published_event_is_removed_even_if_another_one_cannot_be() -> None:
    class Busy(Rows):
        def mark_all_published(self, events: Sequence[Event]) -> list[Event]:
            return super().mark_all_published([event for event in events if event.id != "e0"])

    rows, bus = Busy(2), Bus()
    assert Relay(rows, bus).sweep() == 2
    assert list(rows.rows) == ["e0"]
    Relay(rows, bus).run(clock := Clock(100))
    assert bus.copies["e1"] == 1
    assert max(clock.waits) > 2 * relay.POLL  # each attempt publishes one more copy


def test_removal_that_fails_is_logged_and_the_other_events_are_published() -> None:
    class Down(Rows):
        def mark_all_published(self, events: Sequence[Event]) -> list[Event]:
            if "e0" in self.rows and events[0].id == "e0":
                raise Unavailable("DynamoDB does not answer.")
            return super().mark_all_published(events)

    rows, bus = Down(4), Bus()
    with structlog.testing.capture_logs() as logged:
        assert Relay(rows, bus).sweep() == 4
    assert list(rows.rows) == ["e0", "e1"]
    warnings = [(line["event"], line.get("event_id")) for line in logged if line["log_level"] == "warning"]
    assert warnings == [
        ("published events not removed from the outbox", None),
        ("published event not removed from the outbox", "e0"),
        ("published event not removed from the outbox", "e1"),
    ]


class Arriving(Rows):
    """Rows that appear at given times and were written some seconds earlier. `scans` has the time of each sweep."""

    def __init__(self, clock: Clock, arrivals: Mapping[float, float]) -> None:
        super().__init__(0)
        self.written = {f"e{at}": at - earlier for at, earlier in arrivals.items()}
        self.published: dict[str, float] = {}
        self.scans: list[float] = []
        self._arrivals = {f"e{at}": at for at in arrivals}
        self._stop = clock

    def pending(self, segment: Segment = WHOLE) -> Iterator[list[PendingEvent]]:
        now = self._stop.now
        self.scans.append(now)
        there = [name for name, at in self._arrivals.items() if at <= now and name not in self.published]
        yield [PendingEvent(Event(name, "s", "d", "{}"), now - self.written[name]) for name in there]

    def mark_all_published(self, events: Sequence[Event]) -> list[Event]:
        self.published |= {event.id: self._stop.now for event in events}
        return [*events]


@given(st.dictionaries(st.floats(0, 60), st.floats(0, 4), min_size=1, max_size=30))
def test_event_is_published_as_soon_as_it_is_due_however_rows_arrive(arrivals: dict[float, float]) -> None:
    """A row appears up to four seconds after its date: a transaction takes time, and clocks differ."""
    clock = Clock(100)
    rows = Arriving(clock, arrivals)
    Relay(rows, Bus()).run(clock)
    ages = {at: rows.published[f"e{at}"] - rows.written[f"e{at}"] for at in arrivals}
    assert min(ages.values()) >= relay.MIN_AGE - 1e-6
    assert all(ages[at] <= relay.MIN_AGE + relay.POLL + earlier + 1e-6 for at, earlier in arrivals.items())


@given(st.floats(-1e6, 1e6))
def test_event_with_any_date_is_published_after_at_most_two_sweeps_that_see_it_young(earlier: float) -> None:
    clock = Clock(100)
    rows = Arriving(clock, {7.5: earlier})
    Relay(rows, Bus()).run(clock)
    assert rows.published["e7.5"] - 7.5 <= 2 * relay.MIN_AGE + relay.POLL


def test_young_rows_are_not_read_again_before_the_oldest_is_due() -> None:
    clock = Clock(12)
    rows = Arriving(clock, {0.0: 1.0, 0.1: 0.0})
    Relay(rows, Bus()).run(clock)
    assert rows.scans == [0.0, 4.0, 5.0, 6.0, 7.0]


def test_empty_outbox_is_read_every_five_seconds() -> None:
    clock = Clock(60)
    Relay(rows := Arriving(clock, {}), Bus()).run(clock)
    assert len(rows.scans) == 60 / relay.MIN_AGE


def test_unreadable_row_does_not_slow_down_the_relay() -> None:
    class Unreadable(Rows):
        def pending(self, segment: Segment = WHOLE) -> Iterator[list[PendingEvent]]:
            yield [PendingEvent(None, 0.0)]
            yield from super().pending(segment)

    clock, rows, bus = Clock(200), Unreadable(2), Bus(*[DOWN] * 3)
    Relay(rows, bus).run(clock)
    assert rows.rows == {}
    assert clock.waits[-10:] == [relay.MIN_AGE] * 10


def test_back_off_ends_with_the_outage() -> None:
    clock, rows = Clock(200), Rows(2)
    Relay(rows, Bus(*[DOWN] * 5)).run(clock)
    assert rows.rows == {}
    assert clock.waits[-10:] == [relay.MIN_AGE] * 10


@pytest.mark.parametrize(
    "error", [DOWN, KeyError("Entries"), ValueError("zip() argument 2 is shorter than argument 1")]
)
def test_no_error_of_the_bus_ends_the_relay(error: Exception) -> None:
    rows = Rows(4)
    with structlog.testing.capture_logs() as logged:
        Relay(rows, Bus(error)).run(Clock(20))
    assert rows.rows == {}
    failed = [line for line in logged if line["event"] == "events not published"]
    assert [line["log_level"] for line in failed] == ["warning" if error is DOWN else "error"]


def test_no_error_of_the_table_ends_the_relay() -> None:
    rows = Rows(2)
    rows.down = 3
    Relay(rows, Bus()).run(Clock(100))
    assert rows.rows == {}


def test_stopped_relay_sends_no_further_call() -> None:
    clock, rows = Clock(1), Rows(8)
    Relay(rows, Slow(clock, 2)).run(clock)
    assert len(rows.rows) == 6


def test_relay_has_a_long_time_out_and_one_attempt_per_call() -> None:
    assert clients.RELAY.read >= 10
    assert clients.RELAY.attempts == 1


def test_the_relay_continues_the_trace_of_each_event(recorded: list[Finished]) -> None:
    rows = Rows(2)
    parents = ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "invalid"]
    for name, parent in zip(rows.rows, parents, strict=True):
        detail = json.dumps({"metadata": {"correlation-id": "c-1", "traceparent": parent}})
        rows.rows[name] = rows.rows[name]._replace(detail=detail)
    with structlog.testing.capture_logs() as logged:
        Relay(rows, Bus()).sweep()
    (span,) = recorded
    assert (span.trace_id, span.parent_id) == tuple(parents[0].split("-")[1:3])
    assert (span.kind, span.name, span.fields) == ("relay", "d", {"event_id": "e0"})
    assert [line.get("trace_id") for line in logged if line["event"] == "event relayed"] == [span.trace_id, None]


def test_every_sweep_reports_age_and_backlog_also_of_an_empty_outbox(
    measurements: Callable[[], dict[str, Any]],
) -> None:
    bus, rows = Bus(), Rows(5)
    Relay(rows, bus).sweep()
    assert measurements() == {"OutboxAge": 60, "OutboxBacklog": 5, "EventsRelayed": 5}
    Relay(rows, bus).sweep()
    assert measurements() == {"OutboxAge": 0, "OutboxBacklog": 0}


def test_sweep_that_cannot_read_the_outbox_reports_nothing(measurements: Callable[[], dict[str, Any]]) -> None:
    """A false zero would hide the events that wait."""
    rows = Rows(5)
    rows.down = 1
    with pytest.raises(Unavailable):
        Relay(rows, Bus()).sweep()
    assert measurements() == {}
