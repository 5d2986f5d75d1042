import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chassis.messaging.consumer import Consumer
from services.basket.catalogue import CatalogueItem, CatalogueItems
from services.basket.consumer import make_consumer
from services.basket.wiring import Wiring
from tests import aws_clients
from tests.fakes import FakeCatalogueItems, FakeDeadLetters, FakeReplies
from tests.processes import eventually, running
from tests.samples import golden_message, marked_as_test

CREATED, CHANGED, DELETED = "product_created", "product_changed", "product_deleted"


def message(name: str, version: Any = None, **data: Any) -> str:
    event = golden_message(name)
    event["detail"]["data"] |= data | ({"version": version} if version is not None else {})
    return json.dumps(event, default=float)


@pytest.fixture
def entries() -> FakeCatalogueItems:
    return FakeCatalogueItems()


@pytest.fixture
def dead() -> FakeDeadLetters:
    return FakeDeadLetters()


@pytest.fixture
def consumer(entries: FakeCatalogueItems, dead: FakeDeadLetters) -> Consumer:
    return make_consumer(entries, dead, FakeReplies())


@pytest.mark.parametrize("name", [CREATED, CHANGED, DELETED])
def test_test_message_is_answered_and_changes_no_row(
    entries: FakeCatalogueItems, dead: FakeDeadLetters, name: str
) -> None:
    replies = FakeReplies()
    consumer = make_consumer(entries, dead, replies)
    event = golden_message(name)
    assert failed(consumer, marked_as_test(event)) == 0
    assert [(reply["detail_type"], reply["handled"]) for reply in replies.sent] == [(event["detail-type"], True)]
    assert (entries.rows, dead.sent) == ({}, [])


def failed(consumer: Consumer, *bodies: str) -> int:
    records = [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]
    return len(consumer.handle_batch({"Records": records})["batchItemFailures"])


def test_product_events_update_the_catalogue(consumer: Consumer, entries: FakeCatalogueItems) -> None:
    assert failed(consumer, message(CREATED)) == 0
    assert entries.rows["p-1"] == CatalogueItem(
        productId="p-1", version=1, name="IPhone X", category="Phone", price=Decimal(950)
    )
    assert failed(consumer, message(CHANGED)) == 0
    assert (entries.rows["p-1"].version, entries.rows["p-1"].price) == (2, Decimal(760))
    assert failed(consumer, message(DELETED)) == 0
    assert entries.rows["p-1"] == CatalogueItem(productId="p-1", version=3, deleted=True, expiresAt=1803029400)


@pytest.mark.parametrize("date", ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"])
def test_deletion_at_the_earliest_and_latest_time_is_accepted(
    consumer: Consumer, entries: FakeCatalogueItems, date: str
) -> None:
    assert failed(consumer, message(DELETED, deletedAt=date)) == 0
    expires = (datetime.fromisoformat(date) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1) + 90 * 86400
    assert entries.rows["p-1"] == CatalogueItem(productId="p-1", version=3, deleted=True, expiresAt=expires)


def test_late_or_repeated_event_changes_nothing(
    consumer: Consumer, entries: FakeCatalogueItems, dead: FakeDeadLetters
) -> None:
    failed(consumer, message(DELETED))
    before = dict(entries.rows)
    assert failed(consumer, message(CREATED), message(CHANGED), message(DELETED), message(CREATED)) == 0
    assert (entries.rows, dead.sent) == (before, [])


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (message(CREATED, price=-1), "price: "),
        (message(CHANGED, version=0), "version: "),
        (message(CHANGED, version=1_000_000_001), "version: "),
        (message(DELETED, version=1_000_000_001), "version: "),
        (message(CHANGED, price=10_000_000.01), "price: "),
        (message(CREATED, productId="a b"), "productId: "),
        (message(DELETED, deletedAt="yesterday"), "deletedAt: "),
        (message(DELETED, deletedAt="2026-02-30T09:30:00.123Z"), "deletedAt: "),
        (message(DELETED, deletedAt="٢٠٢٦-11-21T09:30:00.123Z"), "deletedAt: "),
        (message(CREATED).replace("ProductCreated", "ProductPainted"), "unknown event type: ProductPainted"),
    ],
)
def test_invalid_event_goes_to_the_dead_letter_queue_with_its_reason(
    consumer: Consumer, entries: FakeCatalogueItems, dead: FakeDeadLetters, body: str, reason: str
) -> None:
    assert failed(consumer, body) == 0
    assert [sent["reason"].startswith(reason) for sent in dead.sent] == [True]
    assert entries.rows == {}


def test_event_stays_while_the_table_is_unavailable(
    consumer: Consumer, entries: FakeCatalogueItems, dead: FakeDeadLetters
) -> None:
    entries.down = True
    assert failed(consumer, message(CREATED)) == 1
    assert dead.sent == []


@pytest.mark.integration
def test_consumer_updates_the_catalogue_and_stops_on_signal(stack: Mapping[str, str]) -> None:
    sqs, catalogue = aws_clients.client("sqs"), Wiring(stack).catalogue_store
    queue, dlq = (sqs.get_queue_url(QueueName=f"shop-catalogue{name}")["QueueUrl"] for name in ("", "-dlq"))
    for body in [message(DELETED, productId="p-2"), message(CREATED), message(CREATED, productId="p-2"), "{"]:
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    with running("services.basket.consumer", stack) as consumer:
        eventually(lambda: deleted(catalogue) == {"p-1": False, "p-2": True})
        dead = eventually(lambda: sqs.receive_message(QueueUrl=dlq, WaitTimeSeconds=1).get("Messages"))
        consumer.terminate()
        assert consumer.wait(timeout=30) == 0
    assert dead[0]["Body"] == "{"


def deleted(catalogue: CatalogueItems) -> dict[str, bool]:
    return {each.productId: each.deleted for each in catalogue.get_many(["p-1", "p-2"])}


@pytest.mark.integration
def test_consumer_without_its_table_receives_no_message(stack: Mapping[str, str], tmp_path: Path) -> None:
    aws_clients.client("dynamodb").delete_table(TableName="shop-catalogue")
    sqs = aws_clients.client("sqs")
    url = sqs.get_queue_url(QueueName="shop-catalogue")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=message("product_created"))
    with running("services.basket.consumer", stack, tmp_path / "log"):
        eventually(lambda: (tmp_path / "log").read_text().count("storage does not answer; not receiving") >= 2)
    (found,) = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["ApproximateReceiveCount"])["Messages"]
    assert found["Attributes"]["ApproximateReceiveCount"] == "1"
