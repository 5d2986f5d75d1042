"""The figures of a run over its time: rates, percentiles, and how much waits and for how long."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from load.orders import Order
from load.record import Written

PERCENTILES = (0.5, 0.95, 0.99)
BINS = 60  # at most, so that the picture stays readable


@dataclass(frozen=True)
class Sample:
    """What the queue said at an instant. Times are in seconds since 1970."""

    at: float
    waiting: int
    in_flight: int


@dataclass(frozen=True)
class Bin:
    """`accepted` and `finished` are per second, `answer` and `end` are p50, p95 and p99 in milliseconds.

    `end` is of the orders that were accepted in this bin. Percentiles of nothing are empty.
    """

    begin: float
    accepted: float
    finished: float
    answer: Sequence[float]
    end: Sequence[float]


@dataclass(frozen=True)
class Depth:
    """`age` is of the oldest checkout that was accepted and whose order is not placed yet, in seconds."""

    at: float
    messages: int
    age: float


def percentiles(values: Iterable[float]) -> list[float]:
    """By nearest rank, so each is a value that occurred."""
    ordered = sorted(values)
    return [ordered[math.ceil(share * len(ordered)) - 1] for share in PERCENTILES] if ordered else []


def width(seconds: float) -> int:
    """Whole seconds of a bin."""
    return max(1, math.ceil(seconds / BINS))


def bins(written: Written, orders: Mapping[str, Order], start: float, seconds: float) -> list[Bin]:
    """Of the time from `start` on, in seconds since 1970, for `seconds`."""
    wide = width(seconds)
    count = math.ceil(seconds / wide)
    accepted, finished = [0] * count, [0] * count
    answer: list[list[float]] = [[] for _ in range(count)]
    end: list[list[float]] = [[] for _ in range(count)]
    for entry in written.accepted():
        its = min(count - 1, int((entry.at - start) / wide))
        accepted[its] += 1
        answer[its].append(entry.milliseconds)
        order = orders.get(entry.order_id)
        if order and order.ended:
            finished[min(count - 1, int((order.ended - start) / wide))] += 1
            end[its].append((order.ended - entry.at) * 1000)
    return [
        Bin(n * wide, accepted[n] / wide, finished[n] / wide, percentiles(answer[n]), percentiles(end[n]))
        for n in range(count)
    ]


def depths(samples: Sequence[Sample], written: Written, orders: Mapping[str, Order], start: float) -> list[Depth]:
    accepted = [(entry.at, _placed(orders.get(entry.order_id))) for entry in written.accepted()]
    return [
        Depth(
            sample.at - start,
            sample.waiting + sample.in_flight,
            max((sample.at - since for since, until in accepted if since <= sample.at < until), default=0.0),
        )
        for sample in samples
    ]


def _placed(order: Order | None) -> float:
    return order.placed if order and order.placed else math.inf
