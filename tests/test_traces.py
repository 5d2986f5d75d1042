"""A checkout is one trace through all processes, even if the process that began it dies."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import structlog

from chassis import tracing
from chassis.core.events import Envelope
from chassis.messaging.consumer import Consumer
from chassis.messaging.queue import Queue
from chassis.messaging.relay import Relay
from services.basket.app import create_app
from services.basket.catalogue import CatalogueItem
from services.basket.wiring import Wiring as Basket
from services.ordering.command_consumer import make_consumer as make_command_consumer
from services.ordering.consumer import make_consumer as make_order_consumer
from services.ordering.wiring import Wiring as Ordering
from services.payment.consumer import make_consumer as make_payment_consumer
from services.payment.wiring import Wiring as Payment
from services.stock.consumer import make_consumer as make_stock_consumer
from services.stock.wiring import Wiring as Stock
from shop.trace.records import read, traces_of, tree
from shop.trace.waterfall import outline
from tests.aws_clients import PATIENT
from tests.environment import free_port, wait_for
from tests.resilience.client import ServiceClient
from tests.resilience.crash_points import instrumented, points
from tests.resilience.crash_points.forked import Fork
from tests.samples import CHECKOUT

pytestmark = pytest.mark.integration
ITEM = CatalogueItem(productId="p-1", version=1, name="IPhone X", price=Decimal("12.30"))
LINES = {"userName": "swn", "items": [{"productId": "p-1", "quantity": 2, "color": "Red"}]}
CORRELATION = "trace-of-a-test"
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

# What follows the checkout's event. It does not depend on the process that published it.
FULFILMENT = """\
  ordering-consumer  message CheckoutBasket
    ordering-consumer  DynamoDB.PutItem shop-order
    ordering-consumer  DynamoDB.DescribeTable shop-order
    ordering-consumer  SFN.StartExecution shop-fulfil-order
    stock-consumer  step ReserveStock
      stock-consumer  DynamoDB.BatchGetItem
      stock-consumer  DynamoDB.TransactWriteItems
      stock-consumer  SFN.SendTaskSuccess
    payment-consumer  step AuthorizePayment
      payment-consumer  DynamoDB.PutItem shop-payment
      payment-consumer  DynamoDB.GetItem shop-payment-ledger
      payment-consumer  DynamoDB.PutItem shop-payment-ledger
      payment-consumer  DynamoDB.PutItem shop-payment
      payment-consumer  SFN.SendTaskSuccess
    ordering-commands  step ConfirmOrder
      ordering-commands  DynamoDB.GetItem shop-order
      ordering-commands  DynamoDB.TransactWriteItems
      ordering-commands  EventBridge.PutEvents
      ordering-commands  DynamoDB.DeleteItem shop-order-outbox
      ordering-commands  SFN.SendTaskSuccess
      stock-consumer  message OrderConfirmed
        stock-consumer  DynamoDB.GetItem shop-reservation
        stock-consumer  DynamoDB.TransactWriteItems
"""
LINES_OF_A_CHECKOUT = [
    "checked out", "request", "order placed", "saga started", "stock reserved", "command done", "command done",
    "order changed", "command done", "stock sold",
]  # fmt: skip
CHECKED_OUT = """\
  basket  DynamoDB.GetItem shop-basket
  basket  DynamoDB.BatchGetItem
  basket  DynamoDB.TransactWriteItems
"""


class TracedShop:
    """The processes of the shop, of which one works at a time, in this process. Each records its own spans."""

    def __init__(self, env: Mapping[str, str], folder: Path) -> None:
        self.env = dict(env) | {"SHOP_TRACE": str(folder)}
        self.folder = folder
        Basket(env).catalogue_store.put_newer(ITEM)
        with self.acting_as("ordering-consumer"):
            it = Ordering(env)
            self._orders = it.queue, make_order_consumer(it.service, it.dead_letters, it.replies)
        with self.acting_as("ordering-commands"):
            it = Ordering(env)
            commands = make_command_consumer(
                it.service, it.sweep, it.tasks, it.command_dead_letters, it.command_replies
            )
            self._commands = it.command_queue, commands
        with self.acting_as("stock-consumer"):
            stock = Stock(env)
            self._stock = (
                stock.queue,
                make_stock_consumer(stock.service, stock.tasks, stock.dead_letters, stock.replies),
            )
        with self.acting_as("payment-consumer"):
            payment = Payment(env)
            self._payment = (
                payment.queue,
                make_payment_consumer(payment.service, payment.tasks, payment.dead_letters, payment.replies),
            )

    @contextmanager
    def acting_as(self, process: str) -> Iterator[None]:
        tracing.configure(process, self.env)
        yield
        tracing.configure(process, {})

    def fulfil(self) -> None:
        self._handle("ordering-consumer", "CheckoutBasket", *self._orders)
        self._handle("stock-consumer", "ReserveStock", *self._stock)
        self._handle("payment-consumer", "AuthorizePayment", *self._payment)
        self._handle("ordering-commands", "ConfirmOrder", *self._commands)
        self._handle("stock-consumer", "OrderConfirmed", *self._stock)

    def _handle(self, process: str, detail_type: str, queue: Queue, consumer: Consumer) -> None:
        """Until a message of this type was there. The sweep's ticks come in between."""
        found: set[str] = set()
        while detail_type not in found:
            records = queue.receive()
            with self.acting_as(process):
                assert consumer.handle_batch({"Records": records}) == {"batchItemFailures": []}
            found |= {Envelope.model_validate_json(record["body"]).detail_type for record in records}
            if records:
                queue.delete(records)

    def outline(self, wanted: str) -> str:
        """Without retries, which a call to a busy emulator may need."""
        (spans,) = traces_of(read(self.folder, wanted))
        return re.sub(r" \d+ retries$", "", "\n".join(outline(tree(spans))) + "\n", flags=re.MULTILINE)


@pytest.fixture
def shop(stack: Mapping[str, str], tmp_path: Path) -> TracedShop:
    return TracedShop(stack, tmp_path / "trace")


def check_out(shop: TracedShop) -> str:
    """In a context of its own, because a request sets a deadline."""
    return copy_context().run(_check_out, shop)


def _check_out(shop: TracedShop) -> str:
    with shop.acting_as("basket"):
        wiring = Basket(shop.env)
        client = create_app(wiring.service(wiring.publish_now), wiring.store.check, "").test_client()
        assert client.post("/basket", json=LINES).status_code == 200
        answer: Any = client.post("/basket/checkout", json=CHECKOUT, headers={"X-Correlation-Id": CORRELATION})
    assert answer.status_code == 202
    return str(answer.json["orderId"])


def test_a_checkout_is_one_trace_through_all_processes(shop: TracedShop) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logged:
        order_id = check_out(shop)
        shop.fulfil()
    publishing = "  basket  EventBridge.PutEvents\n  basket  DynamoDB.DeleteItem shop-basket-outbox\n"
    expected = f"basket  POST /basket/checkout 202\n{CHECKED_OUT}{publishing}{FULFILMENT}"
    assert shop.outline(order_id) == expected
    assert shop.outline(CORRELATION) == expected
    lines = [line for line in logged if line.get("order_id") == order_id]
    assert [line["event"] for line in lines] == LINES_OF_A_CHECKOUT
    assert {line["correlation_id"] for line in lines} == {CORRELATION}
    assert len({line["trace_id"] for line in lines}) == 1
    assert [line for line in logged if line.get("correlation_id") == CORRELATION] == lines


def test_the_relay_continues_the_trace_of_a_process_that_was_killed(shop: TracedShop, tmp_path: Path) -> None:
    port = free_port()
    crash = points.Crash(points.BEFORE_PUBLISH, tmp_path / "crashed", tmp_path / "answered")
    env = shop.env | {"PORT": str(port)}
    basket = Fork("basket", partial(instrumented.basket, env, crash), env, f"http://127.0.0.1:{port}")
    try:
        basket.start(tmp_path)
        wait_for(f"{basket.url}/health/live")
        client = ServiceClient(basket.url, headers={"traceparent": TRACEPARENT})
        assert client.ask("POST", "/basket", LINES, traceparent="") is not None
        assert client.ask("POST", "/basket/checkout", CHECKOUT) is None
        assert basket.exit_code() == points.EXIT
    finally:
        basket.kill_if_running()
    with shop.acting_as("basket-relay"):
        wiring = Basket(shop.env)
        assert Relay(wiring.outbox, wiring.bus(PATIENT), min_age=0).sweep() == 1
    shop.fulfil()
    relayed = "  basket-relay  relay CheckoutBasket\n"
    assert shop.outline(TRACEPARENT.split("-")[1]) == f"? not recorded\n{CHECKED_OUT}{relayed}{FULFILMENT}"
