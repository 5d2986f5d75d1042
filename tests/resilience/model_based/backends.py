"""What the shop model is built on, in memory or on tables, and the stores that fail on schedule in front of it."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from chassis.aws.clients import Clients
from chassis.core.errors import Unavailable
from chassis.core.events import Event
from chassis.core.paging import Page
from chassis.messaging.bus import EventBus
from chassis.messaging.outbox import PendingEvent
from chassis.messaging.segment import WHOLE, Segment
from services.basket.checkout import Receipt
from services.basket.models import Basket
from services.basket.service import Baskets
from services.basket.wiring import Wiring as BasketWiring
from services.ordering.models import OrderRow
from services.ordering.service import Orders
from services.ordering.wiring import Wiring as OrderingWiring
from tests import aws_clients
from tests.fakes import FakeBaskets, FakeOrders, FakeOutbox
from tests.resilience.model_based.fault_schedule import Call, Effect, FaultSchedule
from tests.resilience.model_based.ledger import CheckoutRequest, Ledger, Request
from tests.samples import golden_message

T = TypeVar("T")


class Outbox(Protocol):
    def mark_published(self, event: Event) -> None: ...
    def mark_all_published(self, events: Sequence[Event]) -> list[Event]: ...
    def pending(self, segment: Segment = WHOLE) -> Iterator[list[PendingEvent]]: ...


@dataclass
class Backends:
    """`publish` and `receive` are the two ends of bus and queue. What is received is deleted."""

    baskets: Baskets
    outbox: Outbox
    orders: Orders
    publish: Callable[[list[Event]], list[Event]]
    receive: Callable[[], list[str]]


class OutboxForRelay(FakeOutbox):
    """A fake that a relay can sweep. As in DynamoDB, deleting a row that is not there is no error."""

    def mark_published(self, event: Event) -> None:
        self.rows.pop(event.id, None)

    def mark_all_published(self, events: Sequence[Event]) -> list[Event]:
        for event in events:
            self.mark_published(event)
        return [*events]

    def pending(self, segment: Segment = WHOLE) -> Iterator[list[PendingEvent]]:
        yield [PendingEvent(event, 60.0) for event in self.rows.values()]


class BasketsKnowingWrites(FakeBaskets):
    """A fake that recognizes a repeated write, as the real store does."""

    def save(self, basket: Basket, previous: Basket | None) -> bool:
        there = self.rows.get(basket.userName)
        return super().save(basket, previous) or (there is not None and there.contains_write({basket.version}))


def in_memory() -> Backends:
    outbox, bodies = OutboxForRelay(), list[str]()

    def publish(events: list[Event]) -> list[Event]:
        bodies.extend(wrapped(event) for event in events)
        return events

    def receive() -> list[str]:
        received, bodies[:] = bodies[:], []
        return received

    return Backends(BasketsKnowingWrites(outbox), outbox, FakeOrders(), publish, receive)


def wrapped(event: Event) -> str:
    """As EventBridge delivers it to a queue."""
    frame = {"source": event.source, "detail-type": event.detail_type, "detail": None}
    return json.dumps(golden_message() | frame).replace('"detail": null', f'"detail": {event.detail}')


def on_tables(env: Mapping[str, str]) -> Backends:
    sqs = aws_clients.client("sqs")
    queue = sqs.get_queue_url(QueueName=f"{env['SHOP_NAME']}-order")["QueueUrl"]

    def receive() -> list[str]:
        bodies: list[str] = []
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=0).get(
            "Messages", []
        ):
            for message in messages:
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
                bodies.append(message["Body"])
        return bodies

    # Patient, because a publish that timed out on a busy machine would look like a fault that no schedule has.
    bus = EventBus(Clients(env).of("events", aws_clients.PATIENT), f"{env['SHOP_NAME']}-bus")
    basket = BasketWiring(env)
    return Backends(basket.store, basket.outbox, OrderingWiring(env).store, bus.publish, receive)


class FaultyBaskets:
    """Injects a fault into each call, and records in the ledger what became of the rows, whatever was answered."""

    def __init__(
        self, baskets: Baskets, schedule: FaultSchedule, ledger: Ledger, request: Callable[[], Request]
    ) -> None:
        self._baskets = baskets
        self._schedule = schedule
        self._ledger = ledger
        self._request = request

    def get(self, user_name: str) -> Basket | None:
        def look() -> Basket | None:
            self._request().read_at = self._ledger.now
            return self._baskets.get(user_name)

        return self._schedule.inject(Call.READ, look)

    def receipt(self, user_name: str, key: str) -> Receipt | None:
        return self._schedule.inject(Call.READ, lambda: self._baskets.receipt(user_name, key))

    def page(self, limit: int, cursor: str | None) -> Page[Basket]:
        return self._baskets.page(limit, cursor)

    def save(self, basket: Basket, previous: Basket | None) -> bool:
        write = self._recorded(basket.userName, lambda: self._baskets.save(basket, previous))
        return self._schedule.inject(Call.WRITE, write, lambda: False, write if previous else None)

    def remove(self, user_name: str) -> bool:
        return self._schedule.inject(Call.WRITE, self._recorded(user_name, lambda: self._baskets.remove(user_name)))

    def commit(self, basket: Basket, event: Event, receipt: Receipt, now: datetime) -> bool:
        write = self._recorded(basket.userName, lambda: self._baskets.commit(basket, event, receipt, now), event)
        return self._schedule.inject(Call.WRITE, write, lambda: False, write)

    def _recorded(self, user: str, write: Callable[[], T], event: Event | None = None) -> Callable[[], T]:
        request, read_at = self._request(), self._request().read_at

        def recorded() -> T:
            self._schedule.apply_late_writes()
            before = self._baskets.get(user)
            answer = write()
            after = self._baskets.get(user)
            if before != after:
                self._ledger.record_write(request, before, after)
                if event:
                    assert isinstance(request, CheckoutRequest)
                    assert before is not None
                    self._ledger.record_checkout(request, before, event, read_at)
            return answer

        return recorded


class FaultyOutbox:
    def __init__(self, outbox: Outbox, schedule: FaultSchedule) -> None:
        self._outbox = outbox
        self._schedule = schedule

    def mark_published(self, event: Event) -> None:
        self._schedule.inject(Call.WRITE, lambda: self._outbox.mark_published(event))

    def mark_all_published(self, events: Sequence[Event]) -> list[Event]:
        return self._schedule.inject(Call.WRITE, lambda: self._outbox.mark_all_published(events))

    def pending(self, segment: Segment = WHOLE) -> Iterator[list[PendingEvent]]:
        return self._schedule.inject(Call.READ, lambda: iter(list(self._outbox.pending(segment))))


class FaultyOrders:
    """A store of orders whose writes have the given `effects`, by order id. Its reads have none."""

    def __init__(self, orders: Orders) -> None:
        self.effects: dict[str, Effect] = {}
        self.get, self.page, self.page_of_user = orders.get, orders.page, orders.page_of_user
        self._orders = orders

    def put_once(self, order: OrderRow, content_hash: str) -> bool:
        effect = self.effects.get(order.orderId)
        if effect is Effect.NEVER:
            raise Unavailable("It does not answer.")
        new = self._orders.put_once(order, content_hash)
        if effect is Effect.LOST:
            raise Unavailable("It does not answer.")
        return self._orders.put_once(order, content_hash) if effect is Effect.REPEATED else new
