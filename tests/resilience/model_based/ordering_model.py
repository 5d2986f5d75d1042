"""Ordering's consumer, its queue and its orders in the shop model."""

import json
from collections.abc import Collection, Sequence

from services.ordering.consumer import make_consumer
from services.ordering.events_in import BasketCheckedOut
from services.ordering.models import Order
from tests.fakes import FakeDeadLetters, FakeReplies, order_service
from tests.paging import every_row
from tests.resilience.model_based.backends import Backends, FaultyOrders
from tests.resilience.model_based.fault_schedule import Effect


class OrderingModel:
    def __init__(self, backends: Backends, users: Collection[str]) -> None:
        self._backends = backends
        self._users = users
        self._queue: list[str] = []
        self._dead_letters = FakeDeadLetters()
        self._orders = FaultyOrders(backends.orders)
        self._consumer = make_consumer(order_service(self._orders), self._dead_letters, FakeReplies())

    def deliver(self, picks: Sequence[int], effects: Sequence[Effect] = (), *, delete: bool = True) -> None:
        """Delivers one batch: the messages at those places of the queue, in that sequence, also repeatedly."""
        self._receive()
        places = [pick % len(self._queue) for pick in picks if self._queue]
        ids = [_data_of(self._queue[place])["orderId"] for place in places]
        self._orders.effects = dict(zip(ids, effects, strict=False))
        records = [{"messageId": str(i), "body": self._queue[place]} for i, place in enumerate(places)]
        answer = self._consumer.handle_batch({"Records": records})
        failed = {places[int(failure["itemIdentifier"])] for failure in answer["batchItemFailures"]}
        gone = set(places) - failed if delete else set()
        self._queue = [body for place, body in enumerate(self._queue) if place not in gone]
        assert self._dead_letters.sent == [], "an order was dead-lettered"

    def deliver_all(self) -> bool:
        """Whether nothing is left."""
        self.deliver(range(len(self._queue)))
        return not self._queue

    def stored(self) -> dict[str, BasketCheckedOut]:
        """The orders by id, as the events that made them."""
        pages = (
            every_row(lambda cursor: self._backends.orders.page_of_user(user, None, 100, cursor))  # noqa: B023 read at once
            for user in self._users
        )
        return {order.orderId: self._event_of(order) for page in pages for order in page}

    def _event_of(self, order: Order) -> BasketCheckedOut:
        """A list does not show the token of the payment, so the row is read."""
        row = self._backends.orders.get(order.userName, order.orderId)
        assert row, "an order of the list without a row"
        return BasketCheckedOut.model_validate(row.model_dump())

    def _receive(self) -> None:
        self._queue += [body for body in self._backends.receive() if _data_of(body)["userName"] in self._users]


def _data_of(body: str) -> dict[str, str]:
    return dict(json.loads(body)["detail"]["data"])
