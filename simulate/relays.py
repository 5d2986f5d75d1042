"""The outbox and its relay, as chassis/messaging/relay.py sweeps it."""

from collections.abc import Callable, Iterable, Iterator

from chassis.aws.clients import RELAY
from chassis.core.deadline import backoff
from chassis.messaging.bus import MAX_ENTRIES
from chassis.messaging.outbox import PAGE
from chassis.messaging.relay import LONGEST_PAUSE, MIN_AGE, POLL
from simulate.facts import Latency, Quota
from simulate.world import Bucket, Period, Process, World, is_out

Published = Callable[[list[object]], None]


class Bus:
    """EventBridge. While it is out it accepts nothing and does not answer. If it is slow, it accepts all the same."""

    def __init__(self, world: World, latency: float, quota: Quota, outages: Iterable[Period] = ()) -> None:
        self._world = world
        self._latency = latency
        self._quota = Bucket(world, quota.rate, quota.burst)
        self._outages = list(outages)
        self.accepted = 0

    def call(self, events: int, patience: float) -> tuple[float, bool, bool]:
        """The seconds of a call, whether the bus accepts the events, and whether its answer comes in time."""
        if is_out(self._outages, self._world.now):
            return patience, False, False
        if not self._quota.take():
            return self._latency, False, False
        self.accepted += events
        return min(self._latency, patience), True, self._latency <= patience


class Outbox:
    """Rows that are committed and not marked as published, each with the time of its commit."""

    def __init__(self) -> None:
        self.rows: dict[object, float] = {}

    def pages(self) -> Iterator[list[object]]:
        """As a scan: after a page that is full there is another one, which may be empty."""
        found = list(self.rows)
        for start in range(0, len(found) + 1, PAGE):
            yield [row for row in found[start : start + PAGE] if row in self.rows]

    def fill(self, world: World, rate: float, seconds: float) -> Process:
        """Commits `rate` events a second that no web process publishes."""
        while world.now < seconds:
            self.rows[object()] = world.now
            yield 1 / rate


class Relay:
    """A relay that has this outbox alone, as each of several has its segment. `cpu` is in seconds for each event."""

    def __init__(self, world: World, outbox: Outbox, bus: Bus, latency: Latency, cpu: float) -> None:
        self._world = world
        self._outbox = outbox
        self._bus = bus
        self._latency = latency
        self._cpu = cpu
        self._failures = 0

    def run(self, published: Published) -> Process:
        """`published` gets the rows of each batch that the bus accepts."""
        while True:
            found, next_due = False, MIN_AGE
            for page in self._outbox.pages():
                yield self._latency.dynamodb
                ages = {row: self._world.now - self._outbox.rows[row] for row in page if row in self._outbox.rows}
                due = [row for row, age in ages.items() if age >= MIN_AGE]
                next_due = min([next_due, *(MIN_AGE - age for age in ages.values() if age < MIN_AGE)])
                found = found or bool(due)
                for start in range(0, len(due), MAX_ENTRIES):
                    yield from self._relay(due[start : start + MAX_ENTRIES], published)
            if not found:
                self._failures = 0
            yield POLL if found else max(POLL, next_due)
            yield from self._pause()

    def _relay(self, batch: list[object], published: Published) -> Process:
        seconds, accepted, answered = self._bus.call(len(batch), RELAY.read)
        yield seconds + self._cpu * len(batch)
        if accepted:
            published(batch)
        if answered:
            yield self._latency.dynamodb
            for row in batch:
                self._outbox.rows.pop(row, None)
        self._failures = 0 if answered else self._failures + 1
        yield from self._pause()

    def _pause(self) -> Process:
        if self._failures:
            yield backoff(self._failures, POLL, LONGEST_PAUSE)
