"""Counts what one order of three lines asks of AWS, while the services' own code handles it."""

import json
import math
from collections import Counter, defaultdict
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

ENV = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "us-east-1"}
PRODUCTS = [
    "4b761b9d-ba68-5d36-a4cd-a639adf7b348",
    "7934e4bd-1f6c-5d0c-8b7e-3f3f2a0c9d11",
    "ab4797a9-6d2e-5b7a-9c1d-7c5e4b3a2f10",
]
PROVIDER = "payment-ledger"  # the provider's own table, which is no cost of the shop
INDEX = "openShard"  # the key of ordering's index, which is written when an order gets or loses it
KILOBYTE = 1024
Calls = Counter[tuple[str, str]]  # by operation and table, if there is one


class Recorder:
    """Plays DynamoDB, EventBridge, SQS and Step Functions. Keeps rows and forgets updates.

    A write takes one unit for each kilobyte of its row, and two in a transaction. A consistent read takes one for each
    four ("DynamoDB read and write operations", Amazon DynamoDB Developer Guide).
    """

    def __init__(self) -> None:
        self.calls: Calls = Counter()
        self.reads: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self.events: list[dict[str, str]] = []
        self.execution: dict[str, Any] = {}
        self._rows: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def of(self, *_: object) -> "Recorder":
        """The client of any service, as `Clients.of`."""
        return self

    def seed(self, table: str, row: Mapping[str, Any]) -> None:
        self._rows[table].insert(0, dict(row))

    def get_item(self, *, TableName: str, Key: dict[str, Any], **_: Any) -> Any:  # noqa: N803 AWS's names here and below
        found = self._read("GetItem", TableName, [Key])
        return {"Item": found[0]} if found else {}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Any:  # noqa: N803
        [(table, wanted)] = RequestItems.items()
        return {"Responses": {table: self._read("BatchGetItem", table, wanted["Keys"])}, "UnprocessedKeys": {}}

    def put_item(self, **put: Any) -> Any:
        self._count("PutItem", put["TableName"])
        self._write("Put", put, 1)
        return {}

    def update_item(self, **update: Any) -> Any:
        self._count("UpdateItem", update["TableName"])
        self._write("Update", update, 1)
        return {"Attributes": self._find(update["TableName"], update["Key"])}

    def delete_item(self, **delete: Any) -> Any:
        self._count("DeleteItem", delete["TableName"])
        self._write("Delete", delete, 1)
        return {}

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]], **_: Any) -> Any:  # noqa: N803
        self.calls["TransactWriteItems", ""] += 1
        for action in TransactItems:
            [(kind, write)] = action.items()
            self._write(kind, write, 2)

    def describe_table(self, **_: Any) -> Any:
        """Once in the life of a process, so not counted."""
        return {"Table": {"TableArn": "arn:aws:dynamodb:us-east-1:000000000000:table/shop-order"}}

    def put_events(self, *, Entries: list[dict[str, str]]) -> Any:  # noqa: N803
        self.calls["PutEvents", ""] += 1
        self.events += Entries
        return {"Entries": [{"EventId": "1"} for _ in Entries]}

    def start_execution(self, *, input: str, **_: Any) -> Any:  # noqa: A002
        self.calls["StartExecution", ""] += 1
        self.execution = json.loads(input)

    def describe_execution(self, **_: Any) -> Any:
        self.calls["DescribeExecution", ""] += 1
        return {"status": "FAILED"}

    def send_task_success(self, **_: Any) -> Any:
        self.calls["SendTaskSuccess", ""] += 1

    def send_task_failure(self, *, error: str, cause: str, **_: Any) -> Any:
        raise AssertionError(f"the order must be confirmed: {error}, {cause}")

    def _read(self, call: str, table: str, keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self._count(call, table)
        rows = [self._find(table, key) for key in keys]
        self.reads[_short(table)] += sum(max(1, math.ceil(_size(row) / KILOBYTE / 4)) for row in rows)
        return [row for row in rows if row]

    def _write(self, kind: str, write: Mapping[str, Any], times: int) -> None:
        table = write["TableName"]
        row = write["Item"] if kind == "Put" else self._find(table, write["Key"])
        self.writes[_short(table)] += times * max(1, math.ceil(_size(row) / KILOBYTE))
        if INDEX in (row if kind == "Put" else write.get("UpdateExpression", "").split()):
            self.writes[f"{_short(table)} index"] += 1
        if kind == "Put":
            self.seed(table, row)

    def _find(self, table: str, key: Mapping[str, Any]) -> dict[str, Any]:
        rows = self._rows[table]
        return next((row for row in rows if all(row.get(name) == value for name, value in key.items())), {})

    def _count(self, call: str, table: str) -> None:
        self.calls[call, _short(table)] += 1


def _short(table: str) -> str:
    return table.partition("-")[2]


def _size(value: Any) -> int:
    """Bytes ("DynamoDB item sizes and formats", Amazon DynamoDB Developer Guide)."""
    if isinstance(value, dict):
        return 3 + sum(1 + len(name) + _size(each) for name, each in value.items())
    if isinstance(value, list):
        return 3 + sum(1 + _size(each) for each in value)
    if isinstance(value, bool) or value is None:
        return 1
    if isinstance(value, int | Decimal):
        return math.ceil(len(Decimal(value).as_tuple().digits) / 2) + 1
    return len(str(value).encode())


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
