"""One golden JSON per event: basket emits it, ordering accepts it, the deployed rule delivers it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import boto3
import pytest

from chassis import aws, logs
from chassis.bus import EventBus
from chassis.events import Event
from services.basket.checkout import CheckoutInput
from services.basket.events import BasketCheckedOut as Emitted
from services.basket.models import BasketInput, LineInput, Listing
from services.basket.service import BasketService
from services.ordering.consumer import Consumer
from services.ordering.models import BasketCheckedOut as Read
from services.ordering.service import OrderService
from tests.conftest import ROOT
from tests.fakes import BasketShop, FakeDeadLetters, FakeOrders
from tests.samples import CHECKOUT, golden_message

GOLDEN = golden_message()


def emitted() -> Event:
    """The event of a checkout with the golden content."""
    shop = BasketShop()
    shop.catalogue.listings = {
        "p-1": Listing("IPhone X", Decimal("950.00")),
        "p-2": Listing("Samsung 10", Decimal("869.90")),
    }
    service = BasketService(
        shop.baskets,
        shop.catalogue,
        shop.outbox,
        shop.bus,
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


def test_basket_emits_exactly_the_golden_event() -> None:
    event = emitted()
    assert (event.source, event.detail_type) == (GOLDEN["source"], GOLDEN["detail-type"])
    assert json.loads(event.detail, parse_float=Decimal) == GOLDEN["detail"]


def test_ordering_makes_of_the_golden_message_the_order_it_tells_of() -> None:
    orders, dead = FakeOrders(), FakeDeadLetters()
    body = (ROOT / "tests" / "events" / "checkout_basket.json").read_text()
    answer = Consumer(OrderService(orders), dead).handle_batch({"Records": [{"messageId": "m-1", "body": body}]})
    assert (answer, dead.sent) == ({"batchItemFailures": []}, [])
    ((order, _),) = orders.rows.values()
    assert order.model_dump(exclude={"status"}) == GOLDEN["detail"]["data"]


def test_both_sides_call_the_event_the_same() -> None:
    assert (Emitted.SOURCE, Emitted.DETAIL_TYPE, Emitted.VERSION) == (Read.SOURCE, Read.DETAIL_TYPE, Read.VERSION)
    assert (GOLDEN["source"], GOLDEN["detail-type"]) == (Emitted.SOURCE, Emitted.DETAIL_TYPE)


@pytest.mark.integration
def test_the_rule_matches_the_golden_event_and_no_other(stack: Mapping[str, str]) -> None:
    events = boto3.client("events")
    pattern = events.describe_rule(Name="shop-checkout-basket", EventBusName="shop-bus")["EventPattern"]

    def matches(**changes: Any) -> bool:
        event = json.dumps(GOLDEN | changes, default=float)
        return events.test_event_pattern(EventPattern=pattern, Event=event)["Result"]

    assert matches()
    assert not matches(source="com.swn.product")
    assert not matches(**{"detail-type": "BasketWashed"})


@pytest.mark.integration
def test_the_deployed_bus_carries_what_basket_emits_to_the_queue_ordering_reads(stack: Mapping[str, str]) -> None:
    bus, sqs = EventBus(aws.client("events", stack), "shop-bus"), boto3.client("sqs")
    event = emitted()
    assert bus.publish([event._replace(detail_type="BasketWashed"), event]) != []
    queue = sqs.get_queue_url(QueueName="shop-order")["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=20)["Messages"]
    delivered = json.loads(message["Body"], parse_float=Decimal)
    assert delivered["detail"] == GOLDEN["detail"]
    assert set(delivered) == set(GOLDEN)
    orders = FakeOrders()
    Consumer(OrderService(orders), FakeDeadLetters()).handle_batch(
        {"Records": [{"messageId": message["MessageId"], "body": message["Body"]}]}
    )
    assert [order_id for _, order_id in orders.rows] == [event.id]
