"""The scenarios of docs/scale.md."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from chassis.messaging.queue import BATCH
from docs.generate import EVENTS, rules_of
from services.ordering.models import Status
from services.ordering.order_ids import SHARDS
from simulate import facts, machine
from simulate.counted import PRODUCTS, PROVIDER, one_order
from simulate.facts import LATENCY, Latency, Quota
from simulate.pipeline import PLACE, QUEUES, SELL, UNLIMITED, Message, Shop
from simulate.plan import Plan
from simulate.relays import Bus, Outbox, Relay
from simulate.saga import Order
from simulate.world import World, percentile

RATES = (1, 100, 10_000)  # checkouts a second
BUSY = 0.6  # of its time that a consumer should work, so that a queue stays short
WEB_BUSY = 0.5
TABLES = 2  # that are shown
MINUTE = 60.0
OUTAGE = 10 * MINUTE
OUTAGE_RATE = 10.0  # checkouts a second, which one task of each process can handle
SOURCES = {"order": [PLACE], **{step.queue: [step.command] for step in machine.confirmed_way()[1]}}
KINDS: Mapping[str, list[str]] = SOURCES | {
    "stock": [*SOURCES["stock"], SELL]
}  # the messages of an order in each queue


class Limit(NamedTuple):
    """A quota, how much of it an order takes, and what helps."""

    quota: Quota
    where: str
    each: float
    remedy: str

    @property
    def rate(self) -> float:
        return self.quota.rate / self.each


def limits() -> list[Limit]:
    """The lowest first. Of the tables only those that are written most."""
    work = one_order().values()
    writes = sum((each.writes for each in work), Counter[str]())
    tables = Counter({name: n for name, n in writes.items() if not name.endswith(" index") and name != PROVIDER})
    answers, starts = (sum(each.count(name) for each in work) for name in ("SendTaskSuccess", "StartExecution"))
    invoked = sum(len(rules_of(event)) for event in EVENTS if event.DETAIL_TYPE in {PLACE, SELL})
    raised = "Ask AWS for more."
    found = [
        Limit(facts.SEND_TASK_SUCCESS, "all state machines", answers, raised),
        Limit(facts.START_EXECUTION, "all state machines", starts, raised),
        Limit(facts.TRANSITIONS, "all state machines", machine.confirmed_way()[0], raised),
        Limit(facts.PUT_EVENTS, "all buses", sum(each.events for each in work), raised),
        Limit(facts.INVOCATIONS, "all buses", invoked, raised),
        Limit(
            facts.PARTITION_WRITES,
            "the level of a product in every order",
            writes["stock"] / len(PRODUCTS),
            "Give the product several rows.",
        ),
        Limit(facts.PARTITION_READS, "the copy of a product in every order", 1, "Cache the price."),
        Limit(facts.PARTITION_WRITES, "the index of open orders", writes["order index"] / len(SHARDS), "Raise SHARDS."),
    ]
    for name, units in tables.most_common(TABLES):
        found.append(Limit(facts.NEW_TABLE, f"`{name}`", units, "Set WarmThroughput before the rush."))
        found.append(Limit(facts.TABLE, f"`{name}`", units, raised))
    return sorted(found, key=lambda each: each.rate)


class Capacity(NamedTuple):
    """Orders a second of one task that never waits for a message, and the share of a processor that it then uses."""

    rate: float
    cpu: float


def capacity(queue: str) -> Capacity:
    shop, order = Shop(Plan(1, 0)), Order(0)
    batch = [Message(KINDS[queue][n % len(KINDS[queue])], order) for n in range(BATCH)]
    seconds = shop.seconds(batch) + 2 * shop.plan.latency.sqs
    busy = sum(shop.effort(each.kind).cpu for each in batch) + 2 * facts.call_cpu()
    return Capacity(BATCH / len(KINDS[queue]) / seconds, busy / seconds)


def tasks(rate: float) -> dict[str, int]:
    return {queue: math.ceil(rate / capacity(queue).rate / BUSY) for queue in QUEUES}


def web_cores(rate: float) -> float:
    return rate * facts.measured(facts.CHECKED_OUT) / 1e6 / WEB_BUSY


class Times(NamedTuple):
    """Seconds from the checkout to the end of an order."""

    p50: float
    p99: float


def times(shop: Shop) -> Times:
    took = [order.ended_at - order.checked_out_at for order in shop.orders if order.ended_at is not None]
    return Times(percentile(took, 0.5), percentile(took, 0.99))


def steady(rate: float) -> Times:
    """With raised quotas and as many tasks as `tasks` has."""
    return times(Shop(Plan(rate, max(1.0, min(300.0, 1500 / rate)), tasks(rate))).run())


class Drain(NamedTuple):
    """Each relay has its segment of the outbox. `rows` has the seconds and all events that wait, for a picture."""

    relays: int
    seconds: float  # from the end of the outage until the last of its events was published
    rows: list[tuple[float, int]]


def drain(rate: float, relays: int, outage: float = OUTAGE) -> Drain:
    """All segments are alike, so one is simulated, with its share of the checkouts."""
    world, outbox = World(), Outbox()
    bus = Bus(world, LATENCY.events, UNLIMITED, [(0.0, outage)])
    relay = Relay(world, outbox, bus, LATENCY, facts.relay_cpu())
    world.start(relay.run(lambda _: None))
    world.start(outbox.fill(world, rate / relays, outage))
    rows = [(0.0, 0)]
    while world.now < outage or outbox.rows:
        world.run(world.now + 1)
        rows.append((world.now, len(outbox.rows) * relays))
    return Drain(relays, world.now - outage, rows)


def relay_rate(answer: float) -> float:
    """Events a second of one relay whose bus answers after so many seconds."""
    world, outbox = World(), Outbox()
    outbox.rows = dict.fromkeys(range(5000), -MINUTE)
    relay = Relay(world, outbox, Bus(world, answer, UNLIMITED), LATENCY, facts.relay_cpu())
    world.start(relay.run(lambda _: None))
    while outbox.rows:
        world.run(world.now + 1)
    return 5000 / world.now


def copies(answer: float) -> int:
    """How often an event is published if the bus accepts all events and answers after so many seconds.

    Until the outage ends, the relay adds another copy at each attempt without an answer.
    """
    shop = Shop(Plan(1, 10, latency=Latency(events=answer))).run()
    return math.ceil(shop.bus.accepted / len(shop.orders))


class Outcome(NamedTuple):
    during: int  # orders that were checked out during the outage
    rejected: int
    swept: int
    dead: int
    seconds: float  # from the end of the outage until the last of the orders before it has ended


def outage(what: str, seconds: float) -> Outcome:
    """Checkouts begin a minute before the outage and end a minute after it."""
    begin, end = MINUTE, MINUTE + seconds
    plan = Plan(OUTAGE_RATE, end + MINUTE, outages={what: ((begin, end),)}, quotas=(facts.DESCRIBE_EXECUTION,))
    shop = Shop(plan).run()
    rejected = sum(order.status is Status.REJECTED for order in shop.orders)
    earlier = [order for order in shop.orders if order.checked_out_at < end]
    during = sum(order.checked_out_at >= begin for order in earlier)
    last = max(order.ended_at or math.inf for order in earlier)
    return Outcome(during, rejected, shop.machine.swept, shop.dead, last - end)


def sweep_rate(minutes: int = 10) -> float:
    """Orders that the sweep continues in a minute, if there are always enough."""
    shop = Shop(Plan(1, 0, quotas=(facts.DESCRIBE_EXECUTION,)))
    shop.machine.left.extend(Order(-OUTAGE) for _ in range(10_000))
    shop.world.start(shop.machine.sweep())
    shop.world.run(minutes * MINUTE + MINUTE - 1)
    return shop.machine.swept / minutes


def beyond_quota(rate: float, seconds: float = 20.0) -> Shop:
    """More checkouts a second than Step Functions starts executions, for a short time."""
    return Shop(Plan(rate, seconds, tasks(rate), quotas=(facts.START_EXECUTION, facts.DESCRIBE_EXECUTION))).run()
