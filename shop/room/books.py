"""The books: every checkout that was accepted is an order with a final status, or is somewhere under way.

What is accepted is known by the receipts, which a checkout writes in its transaction, and by the orders themselves.
Receipts are kept for a day.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from bootstrap.aws import Aws
from shop.room.watch import Gauges

FINAL = ("CONFIRMED", "REJECTED", "CANCELLED")
OUTBOX, QUEUE = "basket-outbox", "order"
DEAD = ("order-dlq", "checkout-basket-dlq")
ON_THE_WAY = 30.0  # seconds that a checkout may be between outbox, bus, queue and table without being seen there
SHARE = 20  # the next count is this many times as far away as the last one took


class Tally(NamedTuple):
    """Numbers of checkouts. `final` is by status. `moving` is younger than `ON_THE_WAY` and was seen nowhere.

    A message in a queue may be a copy, or no checkout at all. So `lost` is the least number that was lost.
    """

    accepted: int
    final: Mapping[str, int]
    open: int
    outbox: int
    queue: int
    dead: int
    moving: int
    lost: int

    @property
    def under_way(self) -> int:
        return self.open + self.outbox + self.queue + self.dead + self.moving

    def texts(self) -> dict[str, str]:
        """By the ids of elements of the page."""
        ends = ", ".join(f"{number} {status.lower()}" for status, number in self.final.items() if number)
        places = {
            "in the outbox": self.outbox,
            "in the order queue": self.queue,
            "in dead-letter queues": self.dead,
            "on the bus or being handled": self.moving,
            "being fulfilled": self.open,
        }
        return {
            "book-accepted": str(self.accepted),
            "book-final": str(sum(self.final.values())),
            "book-way": str(self.under_way),
            "book-lost": str(self.lost),
            "book-ends": ends or "none yet",
            "book-places": ", ".join(f"{number} {place}" for place, number in places.items() if number) or "none",
        }


def tally(
    receipts: Iterable[str], outbox: Iterable[str], waiting: int, dead: int, orders: Mapping[str, str], now: float
) -> Tally:
    """`receipts` and `outbox` are order ids, `orders` have their status by id. `waiting` and `dead` are messages.

    Read them in this sequence. An order that moves on meanwhile is then seen at least once.
    """
    accepted = {*receipts, *orders}
    missing = accepted - orders.keys()
    unsent = missing & {*outbox}
    elsewhere = missing - unsent
    in_queue = min(len(elsewhere), waiting)
    in_dead = min(len(elsewhere) - in_queue, dead)
    rest = sorted(elsewhere, key=placed_at)[: len(elsewhere) - in_queue - in_dead]
    moving = sum(1 for each in rest if now - placed_at(each) < ON_THE_WAY)
    final = Counter(orders.values())
    still_open = sum(number for status, number in final.items() if status not in FINAL)
    ends = {status: final[status] for status in FINAL}
    return Tally(len(accepted), ends, still_open, len(unsent), in_queue, in_dead, moving, len(rest) - moving)


def placed_at(order_id: str) -> float:
    """Seconds since 1970, from the UUIDv7 that an order id is. 0 for an id of another form."""
    try:
        return (UUID(order_id).int >> 80) / 1000
    except ValueError:
        return 0.0


class Books:
    """Counts at most so often that it is a small part of the work of the tables. `tables` gives their names on AWS."""

    def __init__(
        self, aws: Aws, tables: Callable[[str], str], gauges: Gauges, clock: Callable[[], float] = time.time
    ) -> None:
        self._dynamodb, self._tables, self._gauges, self._clock = aws.dynamodb, tables, gauges, clock
        self._texts: dict[str, str] = {}
        self._next = 0.0

    def texts(self) -> dict[str, str]:
        if (begun := self._clock()) >= self._next:
            self._texts = self._count().texts()
            self._next = begun + SHARE * (self._clock() - begun)
        return self._texts

    def _count(self) -> Tally:
        receipts = {row["orderId"]["S"] for row in self._rows("receipt", "orderId")}
        outbox = {_order_of(row.get("detail", {}).get("S", "")) for row in self._gauges.pending(OUTBOX)}
        waiting, dead = sum(self._gauges.depth(QUEUE)), sum(sum(self._gauges.depth(queue)) for queue in DEAD)
        orders = {row["orderId"]["S"]: row["status"]["S"] for row in self._rows("order", "orderId", "status")}
        return tally(receipts, outbox, waiting, dead, orders, self._clock())

    def _rows(self, table: str, *fields: str) -> Iterable[Mapping[str, Any]]:
        names = {f"#{number}": name for number, name in enumerate(fields)}
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=self._tables(table),
            ProjectionExpression=", ".join(names),
            ExpressionAttributeNames=names,
            ConsistentRead=True,
        )
        return (row for page in pages for row in page["Items"])


def _order_of(detail: str) -> str:
    try:
        return str(json.loads(detail)["data"]["orderId"])
    except (ValueError, KeyError, TypeError):
        return ""
