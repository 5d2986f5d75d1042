"""Checks every write as it happens. Every unit ever added is in a basket, was removed, or is in one order."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from chassis.core.events import Event
from services.basket.models import Basket
from services.ordering.events_in import BasketCheckedOut
from tests.resilience.invariants import Checkout, Line, Prices

Units = Counter[tuple[str, str]]  # by product and colour
UserUnits = Counter[tuple[str, str, str]]  # by user, product and colour
Slot = tuple[str, str, int]  # user, idempotency key, and the day on which the key was used: it is valid for one


def units(lines: Iterable[tuple[str, str, int]]) -> Units:
    sums: Units = Counter()
    for product, color, quantity in lines:
        sums[product, color] += quantity
    return sums


def lines_of(basket: Basket | BasketCheckedOut | None) -> list[Line]:
    return [Line(line.productId, line.color, line.quantity) for line in (basket.items if basket else [])]


def checkout_of(event: Event) -> BasketCheckedOut:
    return BasketCheckedOut.model_validate(json.loads(event.detail, parse_float=Decimal)["data"])


def nothing(_: Units) -> Units:
    return Counter()


def everything(had: Units) -> Units:
    return had


@dataclass
class Request:
    """What one request adds to the basket and takes out of it, and whether it was written."""

    user: str
    name: str
    adds: Units = field(default_factory=Counter)
    takes: Callable[[Units], Units] = nothing
    read_at: int = 0  # the time of its last look at the basket
    written: bool = False


@dataclass
class CheckoutRequest(Request):
    """`record` is shared by the repetitions of one request."""

    slot: Slot = ("", "", 0)
    address: str = ""
    expected: Decimal | None = None
    record: Checkout = field(default_factory=lambda: Checkout("", "", frozenset(), 0))


class Placed(NamedTuple):
    """A committed checkout."""

    request: CheckoutRequest
    event: BasketCheckedOut

    @property
    def answer(self) -> tuple[str, str, Decimal]:
        return self.event.orderId, self.event.orderDate, self.event.totalPrice


class Ledger:
    """Counts time in changes of prices."""

    def __init__(self) -> None:
        self.placed: dict[str, Placed] = {}
        self.prices = Prices(lag=0)
        self.now = 0
        self._added: UserUnits = Counter()
        self._removed: UserUnits = Counter()

    def record_price(self, product: str, price: Decimal | None) -> None:
        self.now += 1
        self.prices.change(product, price, sent=self.now, acknowledged=self.now)

    def record_write(self, request: Request, before: Basket | None, after: Basket | None) -> None:
        """A request changes a basket at most once, and by exactly what it asked for."""
        assert not request.written, f"{request.name} of {request.user} was written twice"
        request.written = True
        had, has = units(lines_of(before)), units(lines_of(after))
        took = request.takes(had)
        assert has == had - took + request.adds, f"{request.name} turned {had} into {has}"
        self._added.update(_of(request.user, request.adds))
        if not isinstance(request, CheckoutRequest):
            self._removed.update(_of(request.user, took))

    def record_checkout(self, request: CheckoutRequest, before: Basket, event: Event, read_at: int) -> None:
        """Notes what the order must contain. The invariants compare it with the order at the end."""
        checkout = checkout_of(event)
        assert checkout.orderId not in self.placed, "two checkouts have the same order id"
        assert (checkout.userName, checkout.address) == (request.user, request.address)
        assert request.expected in {None, checkout.totalPrice}, "the total is not the one that the client expected"
        request.record.basket, request.record.lines = before.version, frozenset(lines_of(before))
        request.record.began, request.record.ended = read_at, self.now
        self.placed[checkout.orderId] = Placed(request, checkout)

    def check_units(self, baskets: Iterable[Basket], known: dict[str, BasketCheckedOut]) -> None:
        """`known` are the checkouts in outbox, queue and orders, by order id."""
        there: UserUnits = Counter()
        holders: list[Basket | BasketCheckedOut] = [*baskets, *known.values()]
        for holder in holders:
            there.update(_of(holder.userName, units(lines_of(holder))))
        assert there + self._removed == self._added, "units were lost or invented"
        assert known == {order_id: placed.event for order_id, placed in self.placed.items()}


def _of(user: str, sums: Units) -> UserUnits:
    return Counter({(user, *line): count for line, count in sums.items() if count})
