"""What a market is built on, in memory or on tables, and the watchers that stand before it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from chassis.aws.clients import Clients
from chassis.core.errors import Unavailable
from chassis.core.events import Event
from chassis.core.paging import Page
from chassis.messaging.bus import EventBus
from chassis.messaging.outbox import PendingEvent
from services.basket.checkout import Receipt
from services.basket.models import Basket
from services.basket.service import Baskets
from services.basket.wiring import Wiring as BasketWiring
from services.ordering.models import Order
from services.ordering.service import Orders
from services.ordering.wiring import Wiring as OrderingWiring
from tests import emulated
from tests.fakes import FakeBaskets, FakeOrders, FakeOutbox
from tests.resilience.model_based.fault_schedule import Fate, Kind, Weather
from tests.resilience.model_based.ledger import Ledger, PriceHistory, Task
from tests.samples import golden_message

T = TypeVar("T")


class Outbox(Protocol):
    def mark_published(self, event: Event) -> None: ...
    def pending(self, min_age: float) -> Iterator[list[PendingEvent]]: ...


@dataclass
class Stalls:
    """`publish` and `collect` are the two ends of what lies between the services."""

    baskets: Baskets
    outbox: Outbox
    orders: Orders
    publish: Callable[[list[Event]], list[Event]]
    collect: Callable[[], list[str]]


class SweptOutbox(FakeOutbox):
    """One that a relay can sweep, and that minds a row's absence as little as DynamoDB does."""

    def mark_published(self, event: Event) -> None:
        self.rows.pop(event.id, None)

    def pending(self, min_age: float) -> Iterator[list[PendingEvent]]:
        yield [PendingEvent(event, 60.0) for event in self.rows.values()]


class KnowingBaskets(FakeBaskets):
    """One that knows a write again, as the real store does."""

    def save(self, basket: Basket, previous: Basket | None) -> bool:
        there = self.rows.get(basket.userName)
        return super().save(basket, previous) or (there is not None and there.contains_write({basket.version}))


def in_memory() -> Stalls:
    outbox, bodies = SweptOutbox(), list[str]()

    def publish(events: list[Event]) -> list[Event]:
        bodies.extend(wrapped(event) for event in events)
        return events

    def collect() -> list[str]:
        collected, bodies[:] = bodies[:], []
        return collected

    return Stalls(KnowingBaskets(outbox), outbox, FakeOrders(), publish, collect)


def wrapped(event: Event) -> str:
    """As EventBridge hands it to a queue."""
    frame = {"source": event.source, "detail-type": event.detail_type, "detail": None}
    return json.dumps(golden_message() | frame).replace('"detail": null', f'"detail": {event.detail}')


def on_tables(env: Mapping[str, str]) -> Stalls:
    sqs = emulated.client("sqs")
    queue = sqs.get_queue_url(QueueName=f"{env['SHOP_NAME']}-order")["QueueUrl"]

    def collect() -> list[str]:
        bodies: list[str] = []
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=0).get(
            "Messages", []
        ):
            for message in messages:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                bodies.append(message["Body"])
        return bodies

    # A publish that ran into its time-out on a busy machine would look like weather that nobody made.
    bus = EventBus(Clients(env).of("events", emulated.PATIENT), f"{env['SHOP_NAME']}-bus")
    return Stalls(BasketWiring(env).store, BasketWiring(env).outbox, OrderingWiring(env).store, bus.publish, collect)


class WatchedBaskets:
    """Lets the weather at each call, and enters into the ledger what became of the rows, whatever was answered."""

    def __init__(
        self, baskets: Baskets, weather: Weather, ledger: Ledger, prices: PriceHistory, task: Callable[[], Task]
    ) -> None:
        self._baskets = baskets
        self._weather = weather
        self._ledger = ledger
        self._prices = prices
        self._task = task

    def get(self, user_name: str) -> Basket | None:
        def look() -> Basket | None:
            self._task().read_at = self._prices.now
            return self._baskets.get(user_name)

        return self._weather.strike(Kind.READ, look)

    def receipt(self, user_name: str, key: str) -> Receipt | None:
        return self._weather.strike(Kind.READ, lambda: self._baskets.receipt(user_name, key))

    def page(self, limit: int, cursor: str | None) -> Page[Basket]:
        return self._baskets.page(limit, cursor)

    def save(self, basket: Basket, previous: Basket | None) -> bool:
        write = self._entered(basket.userName, lambda: self._baskets.save(basket, previous))
        return self._weather.strike(Kind.WRITE, write, lambda: False, write if previous else None)

    def remove(self, user_name: str) -> bool:
        return self._weather.strike(Kind.WRITE, self._entered(user_name, lambda: self._baskets.remove(user_name)))

    def commit(self, basket: Basket, event: Event, receipt: Receipt, now: datetime) -> bool:
        write = self._entered(basket.userName, lambda: self._baskets.commit(basket, event, receipt, now), event)
        return self._weather.strike(Kind.WRITE, write, lambda: False, write)

    def _entered(self, user: str, write: Callable[[], T], event: Event | None = None) -> Callable[[], T]:
        task, since = self._task(), self._task().read_at

        def enter() -> T:
            self._weather.land()
            before = self._baskets.get(user)
            answer = write()
            after = self._baskets.get(user)
            if before != after:
                self._ledger.enter(task, before, after)
                if event:
                    self._ledger.place(task, before, event, since)
            return answer

        return enter


class FalteringOutbox:
    def __init__(self, outbox: Outbox, weather: Weather) -> None:
        self._outbox = outbox
        self._weather = weather

    def mark_published(self, event: Event) -> None:
        self._weather.strike(Kind.WRITE, lambda: self._outbox.mark_published(event))

    def pending(self, min_age: float) -> Iterator[list[PendingEvent]]:
        return self._weather.strike(Kind.READ, lambda: iter(list(self._outbox.pending(min_age))))


class FalteringOrders:
    """A store of orders whose writes fail as `fates` has it, by order id; the rest is the real one's."""

    def __init__(self, orders: Orders) -> None:
        self.fates: dict[str, Fate] = {}
        self.get, self.page, self.page_of_user = orders.get, orders.page, orders.page_of_user
        self._orders = orders

    def put_once(self, order: Order, content_hash: str) -> bool:
        fate = self.fates.get(order.orderId)
        if fate is Fate.NEVER:
            raise Unavailable("It does not answer.")
        new = self._orders.put_once(order, content_hash)
        if fate is Fate.LOST:
            raise Unavailable("It does not answer.")
        return self._orders.put_once(order, content_hash) if fate is Fate.REPEATED else new
