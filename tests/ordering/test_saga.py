"""Orders go through the whole saga: the consumers of ordering, stock and payment as processes, and an emulator."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from chassis.core.errors import Conflict
from chassis.core.instants import write
from services.ordering.models import Order
from services.ordering.order_ids import first_of
from services.ordering.wiring import Wiring
from services.stock.wiring import Wiring as StockWiring
from tests import aws_clients
from tests.processes import eventually, running
from tests.samples import golden_message
from tests.samples import order_id as sample_id

pytestmark = pytest.mark.integration
WORKERS = ("ordering.consumer", "ordering.command_consumer", "ordering.relay", "stock.consumer", "payment.consumer")


class Shop:
    def __init__(self, env: Mapping[str, str]) -> None:
        self.orders = Wiring(env)
        self.stock = StockWiring(env).service
        self._sqs = aws_clients.client("sqs")
        self._number = 0

    def check_out(self, **data: Any) -> str:
        """The ID of an order for two pieces of p-1 and one of p-2, whose event is on its way."""
        self._number += 1
        date = write(datetime.now(UTC))
        order_id = f"{first_of(date)[:-12]}{self._number:012}"
        event = golden_message()
        event["detail"]["data"] |= {"orderId": order_id, "orderDate": date} | data
        self.send("shop-order", event)
        return order_id

    def send(self, queue: str, message: Any) -> None:
        url = self._sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        self._sqs.send_message(QueueUrl=url, MessageBody=json.dumps(message, default=float))

    def tick(self) -> None:
        detail = {"metadata": {"version": 1}, "data": {"time": write(datetime.now(UTC))}}
        tick = {"source": "com.swn.ordering.schedule", "detail-type": "SweepOrders", "detail": detail}
        self.send("shop-order-commands", tick)

    def get(self, order_id: str) -> Order | None:
        row = self.orders.store.get("swn", order_id)
        return row.shown() if row else None

    def ends(self, order_id: str, status: str) -> Order:
        def ended() -> Order | None:
            found = self.get(order_id)
            return found if found and found.status == status else None

        found = eventually(ended)
        assert found
        return found

    def statuses(self, order_id: str) -> list[str]:
        found = self.get(order_id)
        assert found
        return [change.status for change in found.history]


@pytest.fixture
def shop(stack: Mapping[str, str]) -> Iterator[Shop]:
    with ExitStack() as processes:
        for worker in WORKERS:
            processes.enter_context(running(f"services.{worker}", stack))
        yield Shop(stack)


def test_order_of_untracked_products_is_confirmed(shop: Shop) -> None:
    shop.ends(shop.check_out(), "CONFIRMED")
    start = time.monotonic()
    second = shop.check_out()
    shop.ends(second, "CONFIRMED")
    print(f"{time.monotonic() - start:.2f} s from the event to CONFIRMED")  # noqa: T201 a figure for the docs
    assert shop.statuses(second) == ["PLACED", "CONFIRMED"]


def test_order_without_stock_is_rejected_and_holds_nothing(shop: Shop) -> None:
    shop.stock.set_available("p-1", 1)
    rejected = shop.ends(shop.check_out(), "REJECTED")
    assert (rejected.reason, shop.statuses(rejected.orderId)) == ("OUT_OF_STOCK", ["PLACED", "REJECTING", "REJECTED"])
    assert shop.stock.level("p-1").available == 1


def test_order_with_a_declined_card_is_rejected_and_its_stock_is_released(shop: Shop) -> None:
    shop.stock.set_available("p-1", 5)
    rejected = shop.ends(shop.check_out(paymentToken="tok_declined"), "REJECTED")
    assert rejected.reason == "PAYMENT_DECLINED"
    level = shop.stock.level("p-1")
    assert (level.available, level.reserved, level.sold) == (5, 0, 0)


def test_confirmed_order_is_cancelled_and_its_stock_comes_back(shop: Shop) -> None:
    shop.stock.set_available("p-1", 5)
    confirmed = shop.check_out()
    shop.ends(confirmed, "CONFIRMED")
    eventually(lambda: shop.stock.level("p-1").sold == 2)
    assert shop.orders.service.cancel("swn", confirmed).status == "CANCELLING"
    shop.ends(confirmed, "CANCELLED")
    assert shop.orders.service.cancel("swn", confirmed).status == "CANCELLED"
    level = shop.stock.level("p-1")
    assert (level.available, level.reserved, level.sold) == (5, 0, 0)


def test_orders_that_are_cancelled_at_any_moment_end_cancelled_or_rejected(shop: Shop) -> None:
    shop.stock.set_available("p-1", 50)
    orders = [shop.check_out(paymentToken=token) for token in ["tok_approved", "tok_declined"] * 3]
    for order_id in orders:
        eventually(lambda: shop.get(order_id))  # noqa: B023 asked at once
        try:
            shop.orders.service.cancel("swn", order_id)
        except Conflict:
            assert shop.statuses(order_id)[1] == "REJECTING"
    final = {"CANCELLED", "REJECTED"}
    eventually(lambda: {shop.statuses(order_id)[-1] for order_id in orders} <= final)
    eventually(lambda: shop.stock.level("p-1").available == 50)
    level = shop.stock.level("p-1")
    assert (level.reserved, level.sold) == (0, 0)


LONG_AGO = "2026-01-01T00:00:00.000Z"


def test_tick_continues_an_order_whose_execution_does_not_exist(shop: Shop) -> None:
    order_id = shop.check_out()
    confirmed = shop.ends(order_id, "CONFIRMED")
    row = shop.orders.store.get("swn", order_id)
    assert row
    lost = row.model_copy(
        update={
            "orderId": sample_id(1, LONG_AGO),
            "status": "PLACED",
            "history": confirmed.history[:1],
            "orderVersion": 1,
            "attemptedAt": LONG_AGO,
        }
    )
    shop.orders.store.put_once(lost, "hash")
    shop.tick()
    shop.ends(lost.orderId, "CONFIRMED")
    found = shop.orders.store.get("swn", lost.orderId)
    assert found
    assert found.attempt == 2
