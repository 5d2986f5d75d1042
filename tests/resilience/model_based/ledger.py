"""The books of a market: every unit ever added lies in a basket, was thrown away, or is in one order at its price."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from chassis.core.events import Event
from services.basket.checkout import Receipt
from services.basket.models import Basket
from services.ordering.events_in import BasketCheckedOut
from services.ordering.models import OrderLine

Units = Counter[tuple[str, str]]  # by product and colour
Account = Counter[tuple[str, str, str]]  # and whose


def units(lines: Iterable[tuple[str, str, int]]) -> Units:
    sums: Units = Counter()
    for product, color, quantity in lines:
        sums[product, color] += quantity
    return sums


def units_of(basket: Basket | None) -> Units:
    return units((line.productId, line.color, line.quantity) for line in (basket.items if basket else []))


def ordered(items: Iterable[OrderLine]) -> Units:
    return units((line.productId, line.color, line.quantity) for line in items)


def checkout_of(event: Event) -> BasketCheckedOut:
    return BasketCheckedOut.model_validate(json.loads(event.detail, parse_float=Decimal)["data"])


def told(receipt: Receipt) -> tuple[str, str, Decimal]:
    answer = json.loads(receipt.answer, parse_float=Decimal)
    assert answer["status"] == "PENDING"
    return answer["orderId"], answer["orderDate"], answer["totalPrice"]


def user_of(body: str) -> str:
    """Whose checkout a message of the order queue is."""
    return str(json.loads(body)["detail"]["data"]["userName"])


def nothing(_: Units) -> Units:
    return Counter()


def everything(had: Units) -> Units:
    return had


@dataclass
class Task:
    """One request of a client: what it adds, what it takes out of the basket it meets, and what was written of it."""

    user: str
    name: str
    adds: Units = field(default_factory=Counter)
    takes: Callable[[Units], Units] = nothing
    slot: tuple[str, str, int] | None = (
        None  # a checkout's: whose, its key, and the day from which the key is free again
    )
    address: str = ""
    expected: Decimal | None = None
    read_at: int = 0  # the moment of its last look at the basket
    written: bool = False


class Placed(NamedTuple):
    """A checkout that was committed; `answer` is what everybody who asks for it must hear."""

    task: Task
    checkout: BasketCheckedOut

    @property
    def slot(self) -> tuple[str, str, int]:
        assert self.task.slot is not None
        return self.task.slot

    @property
    def answer(self) -> tuple[str, str, Decimal]:
        return self.checkout.orderId, self.checkout.orderDate, self.checkout.totalPrice


class PriceHistory:
    """What each product cost from which moment on; None from when it was no longer sold."""

    def __init__(self) -> None:
        self.now = 0
        self._of: dict[str, list[tuple[int, Decimal | None]]] = {}

    def change(self, product: str, price: Decimal | None) -> None:
        self.now += 1
        self._of.setdefault(product, []).append((self.now, price))

    def since(self, product: str, moment: int) -> set[Decimal | None]:
        """The price of that moment, and those it had later."""
        changes = self._of[product]
        first = max((i for i, (since, _) in enumerate(changes) if since <= moment), default=0)
        return {price for _, price in changes[first:]}


class Ledger:
    def __init__(self, prices: PriceHistory) -> None:
        self.placed: dict[str, Placed] = {}
        self._prices = prices
        self._added: Account = Counter()
        self._dropped: Account = Counter()

    def enter(self, task: Task, before: Basket | None, after: Basket | None) -> None:
        """A basket was changed in the task's name: once, and by exactly what the task asked for."""
        assert not task.written, f"{task.name} of {task.user} was written twice"
        task.written = True
        had, has = units_of(before), units_of(after)
        took = task.takes(had)
        assert has == had - took + task.adds, f"{task.name} made of {had} {has}"
        self._added.update(_owned(task.user, task.adds))
        if task.slot is None:
            self._dropped.update(_owned(task.user, took))

    def place(self, task: Task, before: Basket | None, event: Event, since: int) -> None:
        """A checkout was committed: the event has what was in the basket, at prices of its own time, exactly summed."""
        checkout = checkout_of(event)
        assert checkout.orderId not in self.placed, "an order id was given twice"
        assert (checkout.userName, checkout.address) == (task.user, task.address)
        assert ordered(checkout.items) == units_of(before), "the event has not what was in the basket"
        for line in checkout.items:
            assert line.price in self._prices.since(line.productId, since), f"{line} at a price of another time"
        assert checkout.totalPrice == sum(line.price * line.quantity for line in checkout.items)
        assert task.expected in {None, checkout.totalPrice}, "another total than the client agreed to"
        self.placed[checkout.orderId] = Placed(task, checkout)

    def balance(self, baskets: Iterable[Basket], known: dict[str, BasketCheckedOut]) -> None:
        """`known` are the orders, or what will make them, by their ids."""
        there: Account = Counter()
        for basket in baskets:
            there.update(_owned(basket.userName, units_of(basket)))
        for checkout in known.values():
            there.update(_owned(checkout.userName, ordered(checkout.items)))
        assert there + self._dropped == self._added, "units were lost or made up"
        assert known == {order_id: placed.checkout for order_id, placed in self.placed.items()}


def _owned(user: str, sums: Units) -> Account:
    return Counter({(user, *line): count for line, count in sums.items() if count})
