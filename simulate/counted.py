"""Counts what one order of three lines asks of AWS, while the services' own code handles it."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import cache
from typing import Any

import structlog

from chassis.messaging.consumer import Consumer
from services.basket.catalogue import CatalogueItem
from services.basket.checkout import EXAMPLE, CheckoutInput
from services.basket.models import BasketInput
from services.basket.wiring import Wiring as Basket
from services.ordering import command_consumer, consumer
from services.ordering.wiring import Wiring as Ordering
from services.payment.consumer import make_consumer as payment_consumer
from services.payment.wiring import Wiring as Payment
from services.stock.consumer import make_consumer as stock_consumer
from services.stock.models import StockRow
from services.stock.wiring import Wiring as Stock
from simulate import machine
from simulate.recorder import Recorder

ENV = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "us-east-1"}
PRODUCTS = [
    "4b761b9d-ba68-5d36-a4cd-a639adf7b348",
    "7934e4bd-1f6c-5d0c-8b7e-3f3f2a0c9d11",
    "ab4797a9-6d2e-5b7a-9c1d-7c5e4b3a2f10",
]
PROVIDER = "payment-ledger"  # the provider's own table, which is no cost of the shop


class Work:
    """What one piece of work took: calls by operation and table, read and write units by table, and events."""

    def __init__(self, made: Recorder) -> None:
        self.calls, self.reads, self.writes = made.calls, made.reads, made.writes
        self.events = len(made.events)

    def count(self, *operations: str) -> int:
        return sum(number for (name, _), number in self.calls.items() if name in operations)

    @property
    def dynamodb(self) -> int:
        return sum(number for (name, _), number in self.calls.items() if name.endswith(("Item", "Items")))

    @property
    def step_functions(self) -> int:
        return self.count("StartExecution", "SendTaskSuccess", "DescribeExecution")


class Shop:
    """The services on one recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self.basket, self.ordering, self.stock, self.payment = Basket(ENV), Ordering(ENV), Stock(ENV), Payment(ENV)
        clients: Any = recorder
        for wiring in (self.basket, self.ordering, self.stock, self.payment):
            wiring.clients = clients

    def consumers(self) -> Mapping[str, Consumer]:
        """By queue."""
        ordering, stock, payment = self.ordering, self.stock, self.payment
        letters, replies = ordering.dead_letters, ordering.replies
        commands = command_consumer.make_consumer(ordering.service, ordering.sweep, ordering.tasks, letters, replies)
        return {
            "order": consumer.make_consumer(ordering.service, letters, replies),
            "order-commands": commands,
            "stock": stock_consumer(stock.service, stock.tasks, letters, replies),
            "payment": payment_consumer(payment.service, payment.tasks, letters, replies),
        }


@cache
def one_order() -> Mapping[str, Work]:
    """By piece of work: "checkout", and the type of each event or command that a confirmed order causes."""
    with structlog.testing.capture_logs():
        return dict(_works())


def _works() -> Iterator[tuple[str, Work]]:
    recorder = Recorder()
    shop = Shop(recorder)
    _stock_up(recorder, shop)
    consumers = shop.consumers()
    with _counting(recorder) as work:
        shop.basket.service(shop.basket.publish_now).checkout(CheckoutInput.model_validate(EXAMPLE))
    yield "checkout", work()
    yield _handled(recorder, consumers["order"], _delivered(recorder))
    for step in machine.confirmed_way()[1]:
        yield _handled(recorder, consumers[step.queue], machine.message(step.state, recorder.execution))
    yield _handled(recorder, consumers["stock"], _delivered(recorder))


def _stock_up(recorder: Recorder, shop: Shop) -> None:
    for name in PRODUCTS:
        item = CatalogueItem(
            productId=name, version=1, name="A product of the shop", category="Phone", price=Decimal("12.30")
        )
        recorder.seed("shopwire-catalogue", item.model_dump())
        recorder.seed(
            "shopwire-stock", StockRow(productId=name, available=9, reserved=9, sold=0, revision=name).model_dump()
        )
    lines = [{"productId": name, "quantity": 1, "color": "Red"} for name in PRODUCTS]
    wanted = BasketInput.model_validate({"userName": EXAMPLE["userName"], "items": lines})
    shop.basket.service(shop.basket.publish_now).replace(wanted)


@contextmanager
def _counting(recorder: Recorder) -> Iterator[Any]:
    recorder.calls, recorder.reads, recorder.writes, recorder.events = Counter(), Counter(), Counter(), []
    yield lambda: Work(recorder)


def _delivered(recorder: Recorder) -> dict[str, Any]:
    """The last event, as its rule delivers it."""
    event = recorder.events[-1]
    return {"source": event["Source"], "detail-type": event["DetailType"], "detail": json.loads(event["Detail"])}


def _handled(recorder: Recorder, consumer: Consumer, message: Mapping[str, Any]) -> tuple[str, Work]:
    with _counting(recorder) as work:
        failed = consumer.handle_batch({"Records": [{"messageId": "1", "body": json.dumps(message)}]})
    if failed["batchItemFailures"]:
        raise AssertionError(f"{message['detail-type']} failed")
    return str(message["detail-type"]), work()
