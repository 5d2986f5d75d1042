"""The promises as invariants over the answers to clients, what the tables hold and what waits in queues.

README.md beside this file names the promise behind each invariant.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from chassis.messaging.queue import longest_delay
from tests.resilience.evidence import Evidence, Row, gather, pending

# A seventh failure in a row needs more than two and a half minutes of faults, which is longer than these tests break
# anything on an idle machine.
TRIES = 6
VISIBILITY = 30  # seconds, in the templates
QUIET_WITHIN = float(longest_delay(TRIES) + VISIBILITY)  # seconds until every event has arrived after the last fault
# Seconds that basket's copy of the catalogue may be behind while processes crash. A message with a price may wait
# longer, but the next price of its product comes a few seconds later and overtakes it.
COPY_LAG = 75.0


class Outcome(StrEnum):
    ACKNOWLEDGED = "acknowledged"  # 202: exactly one order
    FAILED = "failed"  # a definite refusal: no order
    UNKNOWN = "unknown"  # no answer, or one that leaves it open: one order or none


class Line(NamedTuple):
    product: str
    color: str
    quantity: int


@dataclass
class Checkout:
    """What a client asked for and what it was answered.

    `ref` is sent as the address, so that an order tells which checkout made it. `basket` names the basket's content: of
    several checkouts of one basket at most one may make an order.
    """

    ref: str
    basket: str
    lines: frozenset[Line]
    began: float
    outcome: Outcome = Outcome.UNKNOWN
    ended: float = float("inf")
    answers: set[str] = field(default_factory=set)  # the bodies of all 202 answers
    order_id: str = ""
    total: Decimal = Decimal(0)


class Price(NamedTuple):
    amount: Decimal | None  # None: the product is not sold
    since: float
    until: float = float("inf")


class Prices:
    """Which prices a client may be charged at which time; `lag` is how long an old price may still be used."""

    def __init__(self, lag: float = COPY_LAG) -> None:
        self._lag = lag
        self._of: dict[str, list[Price]] = {}

    def change(self, product: str, amount: Decimal | None, sent: float, acknowledged: float) -> None:
        history = self._of.setdefault(product, [])
        if history:
            history[-1] = history[-1]._replace(until=acknowledged + self._lag)
        history.append(Price(amount, sent))

    def between(self, product: str, began: float, ended: float) -> set[Decimal | None]:
        return {price.amount for price in self._of.get(product, []) if price.since <= ended and price.until > began}


class Violation(NamedTuple):
    kind: str
    what: str


def settle(shop: str, history: list[Checkout], prices: Prices, within: float) -> tuple[list[Violation], float]:
    """Waits until nothing is pending and every invariant holds. Returns what is still violated, and the seconds."""
    began = time.monotonic()
    while time.monotonic() - began < within:
        if not pending(shop) and not violations(history, gather(shop), prices):
            break
        time.sleep(0.3)
    return violations(history, gather(shop), prices), time.monotonic() - began


def violations(history: list[Checkout], evidence: Evidence, prices: Prices) -> list[Violation]:
    """Empty if every invariant holds."""
    return [violation for check in INVARIANTS for violation in check(history, evidence, prices)]


def nothing_is_pending(_: list[Checkout], evidence: Evidence, __: Prices) -> Iterator[Violation]:
    for where, count in evidence.pending.items():
        yield Violation("pending", f"{count} in {where}")


def each_answer_agrees_with_the_orders(history: list[Checkout], evidence: Evidence, _: Prices) -> Iterator[Violation]:
    found = Counter(order["address"] for order in evidence.orders)
    for checkout in history:
        count = found.pop(checkout.ref, 0)
        if count > 1:
            yield Violation("duplicated", f"{checkout.ref}: {count} orders")
        if count == 0 and checkout.outcome is Outcome.ACKNOWLEDGED:
            yield Violation("lost", f"{checkout.ref}: acknowledged as {checkout.order_id}, no order")
        if count and checkout.outcome is Outcome.FAILED:
            yield Violation("denied", f"{checkout.ref}: refused, and there is an order")
    for ref in found:
        yield Violation("invented", f"{ref}: an order without a checkout")


def each_basket_is_sold_once(history: list[Checkout], evidence: Evidence, _: Prices) -> Iterator[Violation]:
    ordered = {order["address"] for order in evidence.orders}
    sold = Counter(checkout.basket for checkout in history if checkout.ref in ordered)
    for basket, count in sold.items():
        if count > 1:
            yield Violation("sold twice", f"{basket}: {count} checkouts of it made orders")


def each_transaction_is_one_order(_: list[Checkout], evidence: Evidence, __: Prices) -> Iterator[Violation]:
    """A receipt proves that a checkout's transaction was committed, whatever the client was answered."""
    committed = Counter(row["orderId"] for row in evidence.receipts)
    placed = Counter(row["orderId"] for row in evidence.orders)
    for order_id in committed - placed:
        yield Violation("lost", f"{order_id}: committed, no order")
    for order_id in placed - committed:
        yield Violation("invented", f"{order_id}: an order without a transaction")


def repeated_requests_get_the_first_answer(
    history: list[Checkout], evidence: Evidence, _: Prices
) -> Iterator[Violation]:
    ids = {order["address"]: order["orderId"] for order in evidence.orders}
    for checkout in history:
        if len(checkout.answers) > 1:
            yield Violation("answers differ", f"{checkout.ref}: {sorted(checkout.answers)}")
        if checkout.outcome is Outcome.ACKNOWLEDGED and ids.get(checkout.ref, checkout.order_id) != checkout.order_id:
            yield Violation("other order", f"{checkout.ref}: answered {checkout.order_id}, made {ids[checkout.ref]}")


def lines_prices_and_totals_are_exact(
    history: list[Checkout], evidence: Evidence, prices: Prices
) -> Iterator[Violation]:
    checkouts = {checkout.ref: checkout for checkout in history}
    for order in evidence.orders:
        if (checkout := checkouts.get(order["address"])) is None:
            continue
        if frozenset(Line(i["productId"], i["color"], int(i["quantity"])) for i in order["items"]) != checkout.lines:
            yield Violation("wrong lines", f"{checkout.ref}: {order['items']}")
        if wrong := _wrong_total(order, checkout):
            yield Violation("wrong total", f"{checkout.ref}: {wrong}")
        for item in order["items"]:
            if item["price"] not in prices.between(item["productId"], checkout.began, checkout.ended):
                yield Violation("wrong price", f"{checkout.ref}: {item['productId']} at {item['price']}")


def the_copy_of_the_catalogue_is_current(_: list[Checkout], evidence: Evidence, __: Prices) -> Iterator[Violation]:
    for product, facts in evidence.products.items():
        if evidence.catalogue.get(product) != facts:
            yield Violation("stale copy", f"{product}: {facts}, and basket has {evidence.catalogue.get(product)}")


def _wrong_total(order: Row, checkout: Checkout) -> str:
    total = sum((item["price"] * item["quantity"] for item in order["items"]), Decimal(0))
    answered = checkout.total if checkout.outcome is Outcome.ACKNOWLEDGED else total
    return "" if total == order["totalPrice"] == answered else f"sum {total}, order {order['totalPrice']}, {answered=}"


Invariant = Callable[[list[Checkout], Evidence, Prices], Iterator[Violation]]
INVARIANTS: tuple[Invariant, ...] = (
    nothing_is_pending,
    each_answer_agrees_with_the_orders,
    each_basket_is_sold_once,
    each_transaction_is_one_order,
    repeated_requests_get_the_first_answer,
    lines_prices_and_totals_are_exact,
    the_copy_of_the_catalogue_is_current,
)
