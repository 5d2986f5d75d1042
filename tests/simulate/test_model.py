"""The model of docs/scale.md agrees with the real code, with measurements and with theory."""

import random
from collections.abc import Iterator

import pytest

from chassis.core.errors import Unavailable
from chassis.core.events import Event
from chassis.messaging.outbox import PAGE, PendingEvent
from chassis.messaging.relay import Relay as RealRelay
from services.ordering.models import Status
from simulate import facts
from simulate.facts import LATENCY, RELAYED, Latency
from simulate.pipeline import PLACE, UNLIMITED, Effort, Message, Shop
from simulate.plan import Plan
from simulate.relays import Bus, Outbox, Relay
from simulate.saga import Order
from simulate.scenarios import relay_rate
from simulate.world import Period, Process, Queue, World

ROWS = 1_000
Published = list[tuple[float, int]]  # when, and how many events


class Clock:
    """Plays the outbox, the bus and the Stop of the real relay. Whatever takes time moves `now`."""

    def __init__(self, outage: Period) -> None:
        self.now = 0.0
        self.published: Published = []
        self._outage = outage
        self._events = [Event(str(n), "source", "type", "{}") for n in range(ROWS)]

    def __bool__(self) -> bool:
        return not self._events

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def pending(self, _segment: object) -> Iterator[list[PendingEvent]]:
        found = list(self._events)
        for start in range(0, len(found) + 1, PAGE):
            self.now += LATENCY.dynamodb
            yield [PendingEvent(event, 60.0) for event in found[start : start + PAGE]]

    def publish(self, events: list[Event]) -> list[Event]:
        if self._outage[0] <= self.now < self._outage[1]:
            self.now += 10.0
            raise Unavailable("EventBridge does not answer.")
        self.now += LATENCY.events
        self.published.append((self.now, len(events)))
        return events

    def mark_all_published(self, events: list[Event]) -> list[Event]:
        self.now += LATENCY.dynamodb
        self._events = [each for each in self._events if each not in events]
        return events


def real_relay(outage: Period) -> Published:
    clock = Clock(outage)
    stand_in: object = clock
    random.seed(1)
    RealRelay(stand_in, clock).run(stand_in)  # type: ignore[arg-type] # it has the methods that the relay calls
    return clock.published


def modelled_relay(outage: Period) -> Published:
    world, outbox, published = World(), Outbox(), Published()
    outbox.rows = dict.fromkeys(range(ROWS), -60.0)
    relay = Relay(world, outbox, Bus(world, LATENCY.events, UNLIMITED, [outage]), LATENCY, cpu=0.0)
    world.start(relay.run(lambda rows: published.append((world.now, len(rows)))))
    world.run(600)
    return published


@pytest.mark.parametrize("outage", [(0.0, 0.0), (0.0, 60.0), (1.0, 100.0)], ids=["none", "at first", "in between"])
def test_modelled_relay_publishes_at_the_same_times_as_the_real_one(outage: Period) -> None:
    real = real_relay(outage)
    assert sum(events for _, events in real) == ROWS
    assert [events for _, events in modelled_relay(outage)] == [events for _, events in real]
    assert [at for at, _ in modelled_relay(outage)] == pytest.approx([at for at, _ in real])


def test_modelled_relay_is_as_fast_as_the_measured_one() -> None:
    world, outbox = World(), Outbox()
    outbox.rows = dict.fromkeys(range(ROWS), -60.0)
    latency = Latency.canned(facts.canned_delay())
    relay = Relay(world, outbox, Bus(world, latency.events, UNLIMITED), latency, facts.relay_cpu())
    ends: list[float] = []
    world.start(relay.run(lambda _: ends.append(world.now)))
    world.run(60)
    assert ROWS / ends[-1] == pytest.approx(facts.measured(RELAYED, "rate"), rel=0.2)


def test_modelled_consumer_is_as_fast_as_the_measured_one() -> None:
    """The benchmark's consumer makes two calls for each message, one after the other."""
    delay = facts.canned_delay()
    shop = Shop(Plan(1, 0, latency=Latency.canned(delay)))
    shop.efforts[PLACE] = Effort(2 * delay, 2 * facts.call_cpu())
    for _ in range(ROWS):
        shop.queues["order"].put(Message(PLACE, Order(0)))
    shop.world.start(shop.consumer("order"))
    while shop.queues["order"].messages:
        shop.world.run(shop.world.now + 0.01)
    assert ROWS / shop.world.now == pytest.approx(facts.measured(facts.CONSUMED, "rate"), rel=0.2)


@pytest.mark.parametrize("load", [0.5, 0.8])
def test_mean_wait_for_one_server_is_that_of_the_theory(load: float) -> None:
    """M/D/1: random arrivals, a service of one second, and a mean wait of load / (2 · (1 - load)) seconds."""
    world, queue, waits = World(), Queue[float](), list[float]()

    def arrivals() -> Process:
        while True:
            queue.put(world.now)
            yield random.expovariate(load)

    def server() -> Process:
        while True:
            if not queue.messages:
                yield queue
            for arrived in queue.take(1):
                waits.append(world.now - arrived)
                yield 1.0

    world.start(arrivals())
    world.start(server())
    world.run(100_000)
    assert sum(waits) / len(waits) == pytest.approx(load / (2 * (1 - load)), rel=0.05)


def test_backlog_drains_in_the_time_that_its_size_and_the_rate_of_a_relay_give() -> None:
    published = modelled_relay((0.0, 0.0))
    rate = 10 / (LATENCY.events + LATENCY.dynamodb + LATENCY.dynamodb / 10)
    assert published[-1][0] == pytest.approx(ROWS / rate, rel=0.05)
    assert relay_rate(LATENCY.events) < rate, "its processor time comes on top"


def test_order_that_waits_longer_than_a_step_is_rejected_and_one_that_does_not_is_confirmed() -> None:
    """In the model as in the shop: stock is out for 50 or for 70 of the 60 seconds of a step."""
    statuses = {}
    for seconds in (50.0, 70.0):
        shop = Shop(Plan(1, 1, outages={"stock": ((0.0, seconds),)})).run()
        statuses[seconds] = {order.status for order in shop.orders}
    assert statuses == {50.0: {Status.CONFIRMED}, 70.0: {Status.REJECTED}}


def test_every_order_ends_also_beyond_a_quota() -> None:
    quotas = (facts.START_EXECUTION._replace(rate=10, burst=10), facts.DESCRIBE_EXECUTION)
    shop = Shop(Plan(20, 5, quotas=quotas)).run()
    assert shop.machine.swept > 0
    assert {order.status for order in shop.orders} == {Status.CONFIRMED}
