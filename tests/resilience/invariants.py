"""The auditor: what the tables, the queues and the clients' history must say of each other once all is quiet."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from boto3.dynamodb.types import TypeDeserializer

from tests import emulated

Row = Mapping[str, Any]
QUEUES = (
    "order", "order-dlq", "checkout-basket-dlq", "catalogue", "catalogue-dlq", "product-changes-dlq", "price-drops-dlq",
)  # fmt: skip


class Outcome(StrEnum):
    ACKNOWLEDGED = "acknowledged"  # 202: exactly one order
    FAILED = "failed"  # a definite no: no order
    UNKNOWN = "unknown"  # nothing was heard: an order or none


class Line(NamedTuple):
    product: str
    color: str
    quantity: int


@dataclass
class Checkout:
    """What a client did and heard; `ref` is the checkout's address, so an order tells which checkout made it."""

    ref: str
    basket: str
    lines: frozenset[Line]
    began: float
    outcome: Outcome = Outcome.UNKNOWN
    ended: float = float("inf")
    answers: set[str] = field(default_factory=set)  # the bodies of every 202; more than one is a broken promise
    order_id: str = ""
    total: Decimal = Decimal(0)


COPY_LAG = 75.0  # seconds that basket's copy of the catalogue may be behind while processes die around it


class Price(NamedTuple):
    """A price that may be seen from when its change was sent until a while after the next one was acknowledged."""

    amount: Decimal
    since: float
    until: float = float("inf")


class Prices:
    def __init__(self) -> None:
        self._of: dict[str, list[Price]] = {}

    def change(self, product: str, amount: Decimal, sent: float, acknowledged: float) -> None:
        history = self._of.setdefault(product, [])
        if history:
            history[-1] = history[-1]._replace(until=acknowledged + COPY_LAG)
        history.append(Price(amount, sent))

    def between(self, product: str, began: float, ended: float) -> set[Decimal]:
        return {price.amount for price in self._of.get(product, []) if price.since <= ended and price.until >= began}


@dataclass
class Evidence:
    orders: list[Row]
    receipts: list[Row]
    pending: Mapping[str, int]  # what is still on its way, or has gone astray, by where it lies
    products: Mapping[str, Any] = field(default_factory=dict)  # version and price, by id
    catalogue: Mapping[str, Any] = field(default_factory=dict)  # what basket's copy has of the same


class Violation(NamedTuple):
    kind: str
    what: str


def gather(stack: str) -> Evidence:
    products = {row["id"]: (row["version"], row.get("price", 0)) for row in _rows(f"{stack}-product")}
    catalogue = {row["productId"]: (row["version"], row["price"]) for row in _rows(f"{stack}-catalogue")}
    return Evidence(_rows(f"{stack}-order"), _rows(f"{stack}-receipt"), pending(stack), products, catalogue)


def pending(stack: str) -> dict[str, int]:
    """Where anything lies in the outbox or a queue, and how much; messages in someone's hands count."""
    counts = {f"{service}-outbox": len(_rows(f"{stack}-{service}-outbox")) for service in ("product", "basket")}
    sqs = emulated.client("sqs")
    for name in QUEUES:
        url = sqs.get_queue_url(QueueName=f"{stack}-{name}")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        counts[name] = sum(int(value) for key, value in attributes.items() if key.startswith("ApproximateNumberOf"))
    return {name: count for name, count in counts.items() if count}


def _rows(table: str) -> list[Row]:
    scan = emulated.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    read = TypeDeserializer().deserialize
    return [{name: read(value) for name, value in row.items()} for page in scan for row in page["Items"]]


def audit(history: list[Checkout], evidence: Evidence, prices: Prices) -> list[Violation]:
    """Nothing where every promise was kept."""
    return [violation for check in CHECKS for violation in check(history, evidence, prices)]


def _nothing_waits(_: list[Checkout], evidence: Evidence, __: Prices) -> Iterator[Violation]:
    for where, count in evidence.pending.items():
        yield Violation("pending", f"{count} in {where}")


def _as_many_orders_as_heard(history: list[Checkout], evidence: Evidence, _: Prices) -> Iterator[Violation]:
    found = Counter(order["address"] for order in evidence.orders)
    for checkout in history:
        count = found.pop(checkout.ref, 0)
        if count > 1:
            yield Violation("duplicated", f"{checkout.ref}: {count} orders")
        if count == 0 and checkout.outcome is Outcome.ACKNOWLEDGED:
            yield Violation("lost", f"{checkout.ref}: acknowledged as {checkout.order_id}, no order")
        if count and checkout.outcome is Outcome.FAILED:
            yield Violation("denied", f"{checkout.ref}: told to have failed, and ordered")
    for ref in found:
        yield Violation("invented", f"{ref}: an order nobody asked for")


def _each_basket_once(history: list[Checkout], evidence: Evidence, _: Prices) -> Iterator[Violation]:
    ordered = {order["address"] for order in evidence.orders}
    sold = Counter(checkout.basket for checkout in history if checkout.ref in ordered)
    for basket, count in sold.items():
        if count > 1:
            yield Violation("sold twice", f"{basket}: {count} checkouts of it made orders")


def _orders_are_receipts(_: list[Checkout], evidence: Evidence, __: Prices) -> Iterator[Violation]:
    """A receipt is a committed transaction, whatever the client heard of it."""
    committed = Counter(row["orderId"] for row in evidence.receipts)
    placed = Counter(row["orderId"] for row in evidence.orders)
    for order_id in committed - placed:
        yield Violation("lost", f"{order_id}: committed, no order")
    for order_id in placed - committed:
        yield Violation("invented", f"{order_id}: an order without a transaction")


def _one_answer_each(history: list[Checkout], evidence: Evidence, _: Prices) -> Iterator[Violation]:
    ids = {order["address"]: order["orderId"] for order in evidence.orders}
    for checkout in history:
        if len(checkout.answers) > 1:
            yield Violation("answers differ", f"{checkout.ref}: {sorted(checkout.answers)}")
        if checkout.outcome is Outcome.ACKNOWLEDGED and ids.get(checkout.ref, checkout.order_id) != checkout.order_id:
            yield Violation("other order", f"{checkout.ref}: told {checkout.order_id}, made {ids[checkout.ref]}")


def _money_adds_up(history: list[Checkout], evidence: Evidence, prices: Prices) -> Iterator[Violation]:
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


def _the_copy_is_true(_: list[Checkout], evidence: Evidence, __: Prices) -> Iterator[Violation]:
    for product, facts in evidence.products.items():
        if evidence.catalogue.get(product) != facts:
            yield Violation("stale copy", f"{product}: {facts}, and basket has {evidence.catalogue.get(product)}")


def _wrong_total(order: Row, checkout: Checkout) -> str:
    total = sum((item["price"] * item["quantity"] for item in order["items"]), Decimal(0))
    told = checkout.total if checkout.outcome is Outcome.ACKNOWLEDGED else total
    return "" if total == order["totalPrice"] == told else f"sum {total}, order {order['totalPrice']}, told {told}"


Check = Callable[[list[Checkout], Evidence, Prices], Iterator[Violation]]
CHECKS: tuple[Check, ...] = (
    _nothing_waits,
    _as_many_orders_as_heard,
    _each_basket_once,
    _orders_are_receipts,
    _one_answer_each,
    _money_adds_up,
    _the_copy_is_true,
)
