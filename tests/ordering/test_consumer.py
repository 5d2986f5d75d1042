import copy
import json
import threading
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import structlog

from chassis.core.errors import Unavailable
from chassis.messaging.consumer import Consumer
from services.ordering.consumer import make_consumer
from services.ordering.events_in import BasketCheckedOut
from services.ordering.wiring import Wiring
from tests import aws_clients
from tests.fakes import FakeDeadLetters, FakeOrders, FakeReplies, order_service
from tests.processes import eventually, running
from tests.samples import golden_message, marked_as_test, order_id, placed


def message(detail_type: str = "CheckoutBasket", version: Any = 1, **data: Any) -> str:
    event = golden_message() | {"detail-type": detail_type}
    event["detail"] = copy.deepcopy(event["detail"])
    event["detail"]["metadata"]["version"] = version
    event["detail"]["data"] |= data
    return json.dumps(event, default=lambda number: float(number) if isinstance(number, Decimal) else number)


LATER = "2026-11-21T09:30:00.124Z"
BAD = {
    "not JSON": ("{", "not JSON"),
    "no object": ("[]", "message: "),
    "empty": ("{}", "source: Field required"),
    "brackets": ("[" * 30_000, "not JSON"),
    "a number beyond reason": ('{"version": 1e999999999}', "not JSON"),
    "duplicate keys": ('{"source": "a", "source": "b"}', "not JSON"),
    "an unknown version": (
        message(version=2),
        "unknown event type: CheckoutBasket of ",
    ),
    "another event": (message("BasketWashed"), "unknown event type: BasketWashed of "),
    "a wrong shape": (message(items="none"), "items: "),
    "a wrong total": (message(totalPrice=1), "message: totalPrice is not the sum"),
    "an ID that is no UUIDv7": (message(orderId="0d9b1c5e-3a53-4c37-8a0e-7f2f3c1b9a10"), "orderId: must be a UUIDv7"),
    "an ID of another date": (
        message(orderId=order_id(1, LATER)),
        "message: orderId is not a UUIDv7 of the millisecond",
    ),
    "a whole card number": (message(cardLast4="4111111111113322"), "cardLast4: "),
    "a lone surrogate": (message(address="\ud800"), "not JSON"),
    "a number no table takes": (message(paymentMethod=10**50), "paymentMethod: "),
}


@pytest.fixture
def orders() -> FakeOrders:
    return FakeOrders()


@pytest.fixture
def dead() -> FakeDeadLetters:
    return FakeDeadLetters()


@pytest.fixture
def consumer(orders: FakeOrders, dead: FakeDeadLetters) -> Consumer:
    return make_consumer(order_service(orders), dead, FakeReplies())


def test_test_message_is_answered_and_places_no_order(orders: FakeOrders, dead: FakeDeadLetters) -> None:
    replies = FakeReplies()
    consumer = make_consumer(order_service(orders), dead, replies)
    assert failures(consumer, marked_as_test(golden_message())) == []
    assert [(reply["detail_type"], reply["handled"]) for reply in replies.sent] == [("CheckoutBasket", True)]
    assert (orders.rows, dead.sent) == ({}, [])


def failures(consumer: Consumer, *bodies: str) -> list[str]:
    """The positions of the messages that were not handled."""
    records = [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]
    answer = consumer.handle_batch({"Records": records})
    assert set(answer) == {"batchItemFailures"}
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_message_becomes_an_order(consumer: Consumer, orders: FakeOrders) -> None:
    assert failures(consumer, message()) == []
    assert [order.totalPrice for order, _ in orders.rows.values()] == [Decimal("2769.9")]


def test_redelivery_changes_nothing(consumer: Consumer, orders: FakeOrders, dead: FakeDeadLetters) -> None:
    assert failures(consumer, message()) == failures(consumer, message(), message()) == []
    assert len(orders.rows) == 1
    assert dead.sent == []


@pytest.mark.parametrize(("body", "reason"), BAD.values(), ids=BAD)
def test_invalid_message_goes_to_the_dead_letter_queue_with_its_reason(
    consumer: Consumer, orders: FakeOrders, dead: FakeDeadLetters, body: str, reason: str
) -> None:
    assert failures(consumer, body) == []
    (sent,) = dead.sent
    assert sent["reason"].startswith(reason)
    assert sent == {"body": body, "messageId": "0", "reason": sent["reason"]}
    assert orders.rows == {}


def test_reason_does_not_contain_values_of_the_message(consumer: Consumer, dead: FakeDeadLetters) -> None:
    with structlog.testing.capture_logs() as lines:
        failures(consumer, message(cardLast4="4111111111113322"))
    assert "4111" not in f"{dead.sent[0]['reason']}{lines}"


def test_different_order_with_a_known_id_goes_to_the_dead_letter_queue(
    consumer: Consumer, dead: FakeDeadLetters
) -> None:
    assert failures(consumer, message()) == failures(consumer, message(address="Ankara")) == []
    assert dead.sent[0]["reason"] == f"Order {placed().orderId} already exists with other content."


@pytest.mark.parametrize("error", [Unavailable("DynamoDB does not answer."), RuntimeError("a bug")])
def test_message_that_may_succeed_later_stays_in_the_queue(
    consumer: Consumer, orders: FakeOrders, dead: FakeDeadLetters, error: Exception
) -> None:
    orders.error = error
    assert failures(consumer, message()) == ["0"]
    assert dead.sent == []
    orders.error = None
    assert failures(consumer, message()) == []


def test_message_stays_while_the_dead_letter_queue_is_unavailable(consumer: Consumer, dead: FakeDeadLetters) -> None:
    dead.down = True
    assert failures(consumer, "{") == ["0"]


def test_invalid_message_does_not_affect_others_of_its_batch(
    consumer: Consumer, orders: FakeOrders, dead: FakeDeadLetters
) -> None:
    dead.down = True
    good = [message(orderId=order_id(n)) for n in range(9)]
    assert failures(consumer, *good[:4], "{", *good[4:]) == ["4"]
    assert len(orders.rows) == 9


def test_log_lines_have_the_correlation_id_of_their_message(consumer: Consumer) -> None:
    bodies = [message(orderId=order_id(n)).replace("4f6c1b0e9d7a4b21a3c5d7e9f1a2b3c4", f"c-{n}") for n in range(10)]
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        failures(consumer, *bodies)
        failures(consumer, "{")
        failures(consumer, bodies[3].replace('"version": 1', '"version": 2'))
    *placed_lines, dead_line, refused_line = lines
    assert {line["order_id"]: line["correlation_id"] for line in placed_lines} == {
        order_id(n): f"c-{n}" for n in range(10)
    }
    assert "correlation_id" not in dead_line
    assert ("version 2" in refused_line["reason"], refused_line["correlation_id"]) == (True, "c-3")


def test_messages_of_a_batch_are_handled_concurrently() -> None:
    together = threading.Barrier(10, timeout=60)
    consumer = Consumer({BasketCheckedOut: lambda _: together.wait()}, FakeDeadLetters(), FakeReplies())
    assert failures(consumer, *[message(orderId=order_id(n)) for n in range(10)]) == []


@pytest.mark.integration
def test_consumer_places_orders_and_dead_letters_and_stops_on_signal(
    stack: Mapping[str, str],
) -> None:
    sqs, orders = aws_clients.client("sqs"), Wiring(stack).store
    queue, dlq = (sqs.get_queue_url(QueueName=f"shop-{name}")["QueueUrl"] for name in ("order", "order-dlq"))
    good = [message(orderId=order_id(n)) for n in range(12)]
    # Fewer than hold back all refused messages: see chassis/messaging/brake.py.
    bad = [body for body, _ in [*BAD.values()][:3]] + [message(orderId=order_id(0), address="Ankara")]
    for body in [*good, *good[:3], *bad]:
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    with running("services.ordering.consumer", stack) as consumer:
        dead: dict[str, str] = {}
        while len(dead) < len(bad):
            dead |= eventually(lambda: receive(dlq))
        eventually(lambda: len(orders.page(100, None).items) == 12)
        eventually(lambda: waiting(queue) == 0)
        consumer.terminate()
        assert consumer.wait(timeout=30) == 0
    assert set(dead) == set(bad)
    assert all(dead.values())
    assert order_service(orders).get("swn", order_id(0)).address == "Istanbul"


def receive(url: str) -> dict[str, str]:
    """Receives and deletes up to ten dead letters. Returns the reasons by body."""
    sqs = aws_clients.client("sqs")
    messages = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]
    ).get("Messages", [])
    for each in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        assert each["MessageAttributes"]["messageId"]["StringValue"]
    return {each["Body"]: each["MessageAttributes"]["reason"]["StringValue"] for each in messages}


def waiting(url: str) -> int:
    """The number of messages in the queue, visible or not."""
    attributes = aws_clients.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    in_hand = attributes["ApproximateNumberOfMessagesNotVisible"]
    return int(attributes["ApproximateNumberOfMessages"]) + int(in_hand)


@pytest.mark.integration
def test_consumer_without_its_table_receives_no_message(stack: Mapping[str, str], tmp_path: Path) -> None:
    aws_clients.client("dynamodb").delete_table(TableName="shop-order")
    sqs = aws_clients.client("sqs")
    url = sqs.get_queue_url(QueueName="shop-order")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=message())
    with running("services.ordering.consumer", stack, tmp_path / "log"):
        eventually(lambda: (tmp_path / "log").read_text().count("storage does not answer; not receiving") >= 2)
    (found,) = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["ApproximateReceiveCount"])["Messages"]
    assert found["Attributes"]["ApproximateReceiveCount"] == "1"
