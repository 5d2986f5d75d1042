"""One golden JSON per event: its producer publishes it, its consumers accept it, the deployed rules match it.

And one per command, which the service that obeys it reads.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from chassis.aws.clients import Clients
from chassis.core import logs
from chassis.core.events import Envelope, Event, EventData
from chassis.messaging.bus import EventBus
from chassis.messaging.commands import Command
from services.basket.checkout import CheckoutInput
from services.basket.consumer import make_consumer as make_catalogue_consumer
from services.basket.events import BasketCheckedOut as Emitted
from services.basket.events_in import ProductChanged as ReadChanged
from services.basket.events_in import ProductCreated as ReadCreated
from services.basket.events_in import ProductDeleted as ReadDeleted
from services.basket.models import BasketInput, LineInput, Listing
from services.basket.service import BasketService
from services.ordering.consumer import make_consumer
from services.ordering.events import OrderConfirmed
from services.ordering.events_in import BasketCheckedOut as Read
from services.ordering.lifecycle import Step
from services.payment.commands_in import AuthorizePayment, VoidPayment
from services.product.events import ProductChanged, ProductCreated, ProductDeleted
from services.product.models import ProductChanges
from services.stock.consumer import make_consumer as make_stock_consumer
from services.stock.events_in import OrderConfirmed as ReadConfirmed
from tests import aws_clients
from tests.environment import ROOT
from tests.fakes import (
    BasketShop,
    FakeCatalogueItems,
    FakeDeadLetters,
    FakeOrders,
    FakeReplies,
    FakeTasks,
    OrderShop,
    ProductShop,
    order_service,
)
from tests.ordering.machine import callbacks, definition
from tests.processes import eventually
from tests.samples import CHECKOUT, golden_message, placed, product
from tests.stock_fakes import StockShop, reserve

GOLDEN = golden_message()


def emitted() -> Event:
    """The event of a checkout with the golden data."""
    shop = BasketShop()
    shop.catalogue.listings = {
        "p-1": Listing("IPhone X", Decimal("950.00")),
        "p-2": Listing("Samsung 10", Decimal("869.90")),
    }
    service = BasketService(
        shop.baskets,
        shop.catalogue,
        shop.publish,
        lambda: GOLDEN["detail"]["data"]["orderId"],
        lambda: datetime(2026, 11, 21, 9, 30, 0, 123_456, UTC),
    )
    lines = [
        LineInput(productId="p-1", quantity=2, color="Red"),
        LineInput(productId="p-2", quantity=1, color="Blue"),
    ]
    service.replace(BasketInput(userName="swn", items=lines))
    logs.correlate(GOLDEN["detail"]["metadata"]["correlation-id"])
    service.checkout(CheckoutInput.model_validate(CHECKOUT))
    (event,) = shop.bus.published
    return event


def test_basket_publishes_exactly_the_golden_event() -> None:
    event = emitted()
    assert (event.source, event.detail_type) == (GOLDEN["source"], GOLDEN["detail-type"])
    assert json.loads(event.detail, parse_float=Decimal) == GOLDEN["detail"]


def test_ordering_turns_the_golden_message_into_its_order() -> None:
    orders, dead = FakeOrders(), FakeDeadLetters()
    body = (ROOT / "tests" / "events" / "checkout_basket.json").read_text()
    answer = make_consumer(order_service(orders), dead, FakeReplies()).handle_batch(
        {"Records": [{"messageId": "m-1", "body": body}]}
    )
    assert (answer, dead.sent) == ({"batchItemFailures": []}, [])
    ((order, _),) = orders.rows.values()
    data = GOLDEN["detail"]["data"]
    assert order.model_dump(include=set(data)) == data


@pytest.mark.parametrize(("name", "kind"), [("authorize_payment", AuthorizePayment), ("void_payment", VoidPayment)])
def test_payment_reads_the_golden_commands(name: str, kind: type[Command]) -> None:
    message = json.loads((ROOT / "tests" / "commands" / f"{name}.json").read_text())
    envelope = Envelope.model_validate(message)
    assert envelope.is_of(kind)
    data = message["detail"]["data"]
    amount = {"amount": Decimal(data["amount"])} if "amount" in data else {}
    command = kind.read(envelope.detail)
    assert command.model_dump(exclude={"task"}) == data | amount
    assert (command.task.token, command.task.timeout_seconds) == (message["detail"]["task"]["token"], 60)


@pytest.mark.parametrize(
    ("state", "name"), [("Authorize payment", "authorize_payment"), ("Void payment", "void_payment")]
)
def test_state_machine_sends_the_fields_of_the_golden_command(state: str, name: str) -> None:
    golden = json.loads((ROOT / "tests" / "commands" / f"{name}.json").read_text())
    sent = callbacks(definition())[state]["Parameters"]["MessageBody"]
    assert (sent["source"], sent["detail-type"]) == (golden["source"], golden["detail-type"])
    assert fields(sent["detail"]) == fields(golden["detail"])
    for part in ("data", "task"):
        assert fields(sent["detail"][part]) == fields(golden["detail"][part])


def fields(part: Mapping[str, Any]) -> set[str]:
    """The names of fields, without the mark of a path."""
    return {name.removesuffix(".$") for name in part}


def product_events() -> list[Event]:
    """The events of a product with the golden data."""
    shop = ProductShop()
    logs.correlate(GOLDEN["detail"]["metadata"]["correlation-id"])
    shop.service.add(product("p-1"))
    shop.service.update("p-1", ProductChanges(price=Decimal("760.00")), None)
    shop.service.remove("p-1", None)
    return shop.bus.published


@pytest.mark.parametrize(("number", "name"), [(0, "product_created"), (1, "product_changed"), (2, "product_deleted")])
def test_product_publishes_exactly_the_golden_event(number: int, name: str) -> None:
    event, golden = product_events()[number], golden_message(name)
    assert (event.source, event.detail_type) == (golden["source"], golden["detail-type"])
    assert json.loads(event.detail, parse_float=Decimal) == golden["detail"]


def test_basket_turns_the_golden_messages_into_its_catalogue() -> None:
    entries, dead = FakeCatalogueItems(), FakeDeadLetters()
    known = []
    for name in ("product_created", "product_changed", "product_deleted"):
        record = {"messageId": name, "body": (ROOT / "tests" / "events" / f"{name}.json").read_text()}
        assert make_catalogue_consumer(entries, dead, FakeReplies()).handle_batch({"Records": [record]}) == {
            "batchItemFailures": []
        }
        (entry,) = entries.rows.values()
        known.append((entry.version, entry.price, entry.deleted))
    assert known == [(1, Decimal(950), False), (2, Decimal(760), False), (3, Decimal(0), True)]
    assert dead.sent == []


def order_events() -> list[Event]:
    """The events of three orders with the golden data, which end differently."""
    shops = [OrderShop() for _ in range(3)]
    logs.correlate(GOLDEN["detail"]["metadata"]["correlation-id"])
    for shop, steps in zip(
        shops, [[Step.CONFIRM], [Step.REJECT, Step.FINISH], [Step.CANCEL, Step.FINISH]], strict=True
    ):
        shop.service.place(placed())
        shop.clock.pass_(seconds=1 + len(steps))
        for step in steps:
            shop.moves.apply(step, "swn", placed().orderId, "OUT_OF_STOCK" if step is Step.REJECT else None)
    return [event for shop in shops for event in shop.bus.published]


@pytest.mark.parametrize(("number", "name"), [(0, "order_confirmed"), (1, "order_rejected"), (2, "order_cancelled")])
def test_ordering_publishes_exactly_the_golden_event(number: int, name: str) -> None:
    event, golden = order_events()[number], golden_message(name)
    assert (event.source, event.detail_type) == (golden["source"], golden["detail-type"])
    assert json.loads(event.detail, parse_float=Decimal) == golden["detail"]


def test_stock_sells_what_the_order_of_the_golden_message_reserved() -> None:
    shop, dead = StockShop(tea=10), FakeDeadLetters()
    shop.service.reserve(reserve(golden_message("order_confirmed")["detail"]["data"]["orderId"], tea=3))
    record = {"messageId": "m-1", "body": (ROOT / "tests" / "events" / "order_confirmed.json").read_text()}
    consumer = make_stock_consumer(shop.service, FakeTasks(), dead, FakeReplies())
    assert consumer.handle_batch({"Records": [record]}) == {"batchItemFailures": []}
    assert (shop.counts("tea"), dead.sent) == ((7, 0, 3), [])


@pytest.mark.parametrize(
    ("emitted", "read"),
    [
        (Emitted, Read),
        (ProductCreated, ReadCreated),
        (ProductChanged, ReadChanged),
        (ProductDeleted, ReadDeleted),
        (OrderConfirmed, ReadConfirmed),
    ],
)
def test_producer_and_consumer_use_the_same_names_for_an_event(emitted: type[EventData], read: type[EventData]) -> None:
    assert (emitted.SOURCE, emitted.DETAIL_TYPE, emitted.VERSION) == (read.SOURCE, read.DETAIL_TYPE, read.VERSION)
    assert set(read.model_fields) <= set(emitted.model_fields)


EVENTS = sorted(path.stem for path in (ROOT / "tests" / "events").glob("*.json"))
# The rules and their events. Every rule and every golden event must be here.
RULES = {
    "shop-checkout-basket": {"checkout_basket"},
    "shop-product-changes": {"product_created", "product_changed", "product_deleted"},
    "shop-price-drops": {"product_changed"},
    "shop-stock-order-confirmed": {"order_confirmed"},
}
# Their golden events are made with the events themselves.
RULES |= {f"shop-notify-order-{it}": {f"order_{it}"} for it in ("confirmed", "rejected", "cancelled")}


@pytest.mark.integration
def test_each_rule_matches_only_its_golden_events(stack: Mapping[str, str]) -> None:
    rules = aws_clients.client("events").list_rules(EventBusName="shop-bus")["Rules"]
    matched = {
        rule["Name"]: {name for name in EVENTS if matches(rule["EventPattern"], golden_message(name))} for rule in rules
    }
    assert matched == RULES
    for rule in rules:
        for name in EVENTS:
            assert not matches(rule["EventPattern"], golden_message(name) | {"source": "com.swn.other"})
            assert not matches(rule["EventPattern"], golden_message(name) | {"detail-type": "BasketWashed"})


@pytest.mark.integration
def test_price_drop_is_a_fall_by_at_least_ten_percent(stack: Mapping[str, str]) -> None:
    rule = aws_clients.client("events").describe_rule(Name="shop-price-drops", EventBusName="shop-bus")

    def told(percent: float | None) -> bool:
        event = golden_message("product_changed")
        event["detail"]["data"]["changePercent"] = percent
        return matches(rule["EventPattern"], event)

    assert [percent for percent in (-100, -10, -9.99, 0, 250.5, None) if told(percent)] == [-100, -10]


def matches(pattern: str, event: dict[str, Any]) -> bool:
    text = json.dumps(event, default=float)
    return bool(aws_clients.client("events").test_event_pattern(EventPattern=pattern, Event=text)["Result"])


@pytest.mark.integration
def test_price_drop_reaches_basket_and_a_subscriber_without_code(stack: Mapping[str, str]) -> None:
    bus = EventBus(Clients(stack).of("events", aws_clients.PATIENT), "shop-bus")
    events = product_events()
    assert bus.publish(events) == events
    at_basket = sorted((m["detail-type"], m["detail"]["metadata"]["id"]) for m in received("shop-catalogue", 3))
    assert at_basket == [(event.detail_type, event.id) for event in sorted(events, key=lambda e: e.detail_type)]
    (drop,) = received("shop-price-drops", 1)
    assert drop["detail"] == golden_message("product_changed")["detail"]


def received(queue: str, count: int) -> list[dict[str, Any]]:
    """The next `count` messages of a queue. Fails if there are more."""
    sqs = aws_clients.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    bodies: list[str] = []

    def receive() -> bool:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        bodies.extend(message["Body"] for message in answer.get("Messages", []))
        return len(bodies) >= count

    eventually(receive)
    return [json.loads(body, parse_float=Decimal) for body in bodies]


@pytest.mark.integration
def test_deployed_bus_delivers_a_checkout_to_the_order_queue(stack: Mapping[str, str]) -> None:
    bus, sqs = EventBus(Clients(stack).of("events", aws_clients.PATIENT), "shop-bus"), aws_clients.client("sqs")
    event = emitted()
    assert bus.publish([event._replace(detail_type="BasketWashed"), event]) != []
    queue = sqs.get_queue_url(QueueName="shop-order")["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=20)["Messages"]
    delivered = json.loads(message["Body"], parse_float=Decimal)
    assert delivered["detail"] == GOLDEN["detail"]
    assert set(delivered) == set(GOLDEN)
    orders = FakeOrders()
    make_consumer(order_service(orders), FakeDeadLetters(), FakeReplies()).handle_batch(
        {"Records": [{"messageId": message["MessageId"], "body": message["Body"]}]}
    )
    assert [order_id for _, order_id in orders.rows] == [event.id]
