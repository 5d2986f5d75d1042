"""The books: what orders, stock, payment and the provider's ledger say about the same orders must agree."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.ordering.models import OPEN, Status
from tests.resilience.evidence import Row, rows

HELD = {"RESERVED", "SOLD"}


@dataclass
class Books:
    """All by order ID, but `levels` by product."""

    orders: Mapping[str, Row]
    levels: Mapping[str, Row]
    reservations: Mapping[str, Row]
    payments: Mapping[str, Row]
    ledger: Mapping[str, Row]

    @classmethod
    def of(cls, shop: str) -> "Books":
        return cls(
            {row["orderId"]: row for row in rows(f"{shop}-order")},
            {row["productId"]: row for row in rows(f"{shop}-stock")},
            {row["orderId"]: row for row in rows(f"{shop}-reservation")},
            {row["orderId"]: row for row in rows(f"{shop}-payment")},
            {row["idempotencyKey"]: row for row in rows(f"{shop}-payment-ledger")},
        )

    @property
    def open(self) -> list[str]:
        return [order_id for order_id, order in self.orders.items() if order["status"] in OPEN]

    @property
    def ends(self) -> Counter[str]:
        """How many orders have each status, with the reason of a rejection."""
        return Counter(" ".join(filter(None, (o["status"], o.get("reason")))) for o in self.orders.values())


def discrepancies(books: Books, put_in: Mapping[str, int]) -> list[str]:
    """Empty if every order is final and holds what its status says. `put_in` has the pieces of each product."""
    return [*_of_orders(books), *_of_stock(books, put_in), *_without_order(books)]


def _of_orders(books: Books) -> Iterator[str]:
    for order_id, order in books.orders.items():
        confirmed = order["status"] == Status.CONFIRMED
        if order["status"] in OPEN:
            yield f"{order_id} is {order['status']}"
        if _state(books.reservations, order_id, "state") != ("SOLD" if confirmed else None):
            yield f"{order_id} is {order['status']}, and its stock is {books.reservations.get(order_id)}"
        for place, found in (("payment", books.payments), ("ledger", books.ledger)):
            authorized = found.get(order_id, {}).get("status") == "AUTHORIZED"
            if authorized != confirmed or (authorized and found[order_id]["amount"] != order["totalPrice"]):
                yield f"{order_id} is {order['status']}, and {place} has {found.get(order_id)}"
        if order["orderVersion"] != len(order["history"]):
            yield f"{order_id} has version {order['orderVersion']} and the history {order['history']}"


def _state(found: Mapping[str, Row], order_id: str, name: str) -> str | None:
    """What it holds. A released reservation holds nothing."""
    state = found.get(order_id, {}).get(name)
    return state if state in HELD else None


def _of_stock(books: Books, put_in: Mapping[str, int]) -> Iterator[str]:
    held: dict[str, Counter[str]] = {"RESERVED": Counter(), "SOLD": Counter()}
    for reservation in books.reservations.values():
        if reservation["state"] in HELD:
            held[reservation["state"]].update({line["productId"]: int(line["taken"]) for line in reservation["lines"]})
    for name, pieces in put_in.items():
        level = books.levels[name]
        if level["available"] + level["reserved"] + level["sold"] != pieces:
            yield f"of {pieces} pieces of {name} there are {level}"
        if (level["reserved"], level["sold"]) != (held["RESERVED"][name], held["SOLD"][name]):
            yield f"orders hold {held['RESERVED'][name]} and {held['SOLD'][name]} of {name}, and there are {level}"


def _without_order(books: Books) -> Iterator[str]:
    for place in (books.reservations, books.payments, books.ledger):
        for order_id in place.keys() - books.orders.keys():
            yield f"{order_id} has no order, and there is {place[order_id]}"
