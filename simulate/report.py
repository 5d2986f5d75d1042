"""The generated part of docs/scale.md: what the scenarios gave, and the sentences that follow from it."""

import math
from collections.abc import Iterator

from simulate import facts, scenarios
from simulate.facts import LATENCY
from simulate.pipeline import QUEUES
from simulate.scenarios import (
    MINUTE,
    OUTAGE,
    OUTAGE_RATE,
    RATES,
    Drain,
    Limit,
    beyond_quota,
    capacity,
    drain,
    limits,
    outage,
    relay_rate,
    steady,
    sweep_rate,
    tasks,
    times,
    web_cores,
)

RELAYS = {1: (1,), 100: (1, 2, 4), 10_000: (40, 100, 200)}
PICTURED = 100  # checkouts a second
BUS_ANSWERS = (0.03, 0.3, 0.6, 2.0)  # seconds
OUTAGES = (("bus", 300), ("order", 300), ("stock", 30), ("stock", 90), ("stock", 300), ("step functions", 60))
NAMES = {
    "bus": "EventBridge",
    "order": "storage of orders",
    "stock": "storage of stock",
    "step functions": "Step Functions",
}
BEYOND = 400  # checkouts a second


def pictured() -> list[Drain]:
    return [drain(PICTURED, relays) for relays in RELAYS[PICTURED]]


def section() -> str:
    parts = (_limits, _tasks, _drains, _slow_bus, _outages, _beyond)
    return "\n".join(line for part in parts for line in [*part(), ""]).rstrip()


def _limits() -> Iterator[str]:
    found = limits()
    yield "## Which limit comes first\n"
    yield f"| checkouts a second | quota in us-east-1 | of | an order takes | what helps | page, read {facts.READ} |"
    yield "|---|---|---|---|---|---|"
    for limit in found:
        yield _row(limit)
    yield f"\n{_first(found)}"


def _row(limit: Limit) -> str:
    quota = f"{limit.quota.rate:,.0f} {limit.quota.name} a second"
    return f"| {limit.rate:,.0f} | {quota} | {limit.where} | {limit.each:g} | {limit.remedy} | {limit.quota.page} |"


def _first(found: list[Limit]) -> str:
    first, below = found[0], [rate for rate in RATES if rate < found[0].rate]
    return (
        f"The first limit is {first.quota.name}, at {first.rate:,.0f} checkouts a second. "
        f"At {' and '.join(map(str, below))} checkouts a second no quota is reached. "
        f"At {RATES[-1]:,} all of the table are exceeded."
    )


def _tasks() -> Iterator[str]:
    yield "## How many tasks\n"
    yield f"| checkouts a second | web, vCPU | {' | '.join(map(_process, QUEUES))} | p50 / p99 until CONFIRMED, s |"
    yield f"|---|---{'|---' * len(QUEUES)}|---|"
    for rate in RATES:
        needed, took = tasks(rate), steady(rate)
        cells = " | ".join(str(needed[queue]) for queue in QUEUES)
        yield f"| {rate:,} | {web_cores(rate):,.2f} | {cells} | {took.p50:.2f} / {took.p99:.2f} |"
    rates = ", ".join(f"{_process(queue)} {capacity(queue).rate:.0f}" for queue in QUEUES)
    most = max(capacity(queue).cpu for queue in QUEUES)
    yield f"\nOne task handles so many orders a second: {rates}."
    yield f"It waits for AWS most of the time, and uses at most {most:.0%} of a processor."


def _process(queue: str) -> str:
    return {"order": "ordering-consumer", "order-commands": "ordering-commands"}.get(queue, f"{queue}-consumer")


def _drains() -> Iterator[str]:
    yield "## How long a backlog drains\n"
    yield f"EventBridge is out for {OUTAGE / MINUTE:.0f} minutes, and then the relays publish what waited.\n"
    yield "| checkouts a second | events that waited | relays | minutes until the last one was published |"
    yield "|---|---|---|---|"
    for rate, numbers in RELAYS.items():
        for relays in numbers:
            yield f"| {rate:,} | {rate * OUTAGE:,.0f} | {relays} | {drain(rate, relays).seconds / MINUTE:.1f} |"
    alone = relay_rate(LATENCY.events)
    yield (
        f"\nOne relay publishes {alone:.0f} events a second. A backlog drains in the time of the outage "
        f"with one relay for each {alone:.0f} checkouts a second, so with {math.ceil(RATES[-1] / alone)} "
        f"at {RATES[-1]:,}."
    )


def _slow_bus() -> Iterator[str]:
    yield "## When the bus is slow\n"
    yield "| EventBridge answers after, s | copies of an event | events a second of one relay |"
    yield "|---|---|---|"
    for answer in BUS_ANSWERS:
        yield f"| {answer:g} | {scenarios.copies(answer)} | {relay_rate(answer):.0f} |"


def _outages() -> Iterator[str]:
    yield "## What an outage does to orders\n"
    yield f"One task of each process, {OUTAGE_RATE:.0f} checkouts a second.\n"
    yield "| out | seconds | orders then | rejected | continued by the sweep | dead letters | minutes until all ended |"
    yield "|---|---|---|---|---|---|---|"
    for what, seconds in OUTAGES:
        found = outage(what, seconds)
        counts = " | ".join(f"{n:,}" for n in (found.during, found.rejected, found.swept, found.dead))
        yield f"| {NAMES[what]} | {seconds} | {counts} | {found.seconds / MINUTE:.1f} |"


def _beyond() -> Iterator[str]:
    shop = beyond_quota(BEYOND)
    yield "## Beyond a quota\n"
    yield (
        f"{len(shop.orders):,} checkouts in {shop.plan.seconds:.0f} seconds exceed the quota of `StartExecution`.\n"
        f"The sweep starts {shop.machine.swept:,} of them later, and one order in a hundred ends after more than\n"
        f"{times(shop).p99:.0f} seconds. Without the quota it would be {steady(BEYOND).p99:.1f}. "
        f"The sweep continues at most {sweep_rate():.0f} orders a minute."
    )
