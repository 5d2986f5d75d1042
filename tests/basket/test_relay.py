import time
from collections.abc import Mapping
from typing import Any

import pytest

from chassis.core.events import Event
from tests import aws_clients
from tests.processes import eventually, running

pytestmark = pytest.mark.integration


def left_behind(event: Event, seconds_ago: float) -> dict[str, Any]:
    return event._asdict() | {"createdAt": int((time.time() - seconds_ago) * 1000)}


def test_relay_publishes_pending_checkout_events_and_stops_on_signal(stack: Mapping[str, str]) -> None:
    table, sqs = aws_clients.table("shop-basket-outbox"), aws_clients.client("sqs")
    queue = sqs.get_queue_url(QueueName="shop-order")["QueueUrl"]
    detail = '{"metadata":{"correlation-id":"c-1"}}'
    event = Event("o-left", "com.swn.basket.checkoutbasket", "CheckoutBasket", detail)
    table.put_item(Item=left_behind(event, 60))
    table.put_item(Item={"id": "o-unreadable"})
    with running("services.basket.relay", stack) as relay:
        messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
        eventually(lambda: [row["id"] for row in table.scan()["Items"]] == ["o-unreadable"])
        relay.terminate()
        assert relay.wait(timeout=30) == 0
    assert len(messages) == 1
    assert detail in str(messages[0]["Body"]).replace(" ", "")
