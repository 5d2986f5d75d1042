"""Doctor's checkout on its way: each hop is broken in turn, and must be the one that is named."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from bootstrap.aws import Aws
from bootstrap.clock import Clock
from bootstrap.event import USER, checkout
from bootstrap.findings import Finding
from bootstrap.names import Names
from bootstrap.probe import Probe
from tests.bootstrap.fakes import quick_clock
from tests.processes import eventually

Handle = Callable[[Mapping[str, Any]], None]
pytestmark = pytest.mark.integration


def probe(aws: Aws, names: Names, patience: float = 30.0, grace: int = 20) -> Probe:
    """Where nothing can come, `grace` is how long a test takes; elsewhere a message may be slow."""
    return Probe(aws, names, Clock(), patience, grace)


def nothing_left(aws: Aws, names: Names, queue_url: Callable[[str], str]) -> bool:
    queues = (names.order_queue, names.order_dlq, names.rule_dlq)
    counts = [
        aws.sqs.get_queue_attributes(QueueUrl=queue_url(queue), AttributeNames=["All"])["Attributes"]
        for queue in queues
    ]
    orders = aws.dynamodb.scan(TableName=names.order_table)["Count"]
    return orders == 0 and all(
        c["ApproximateNumberOfMessages"] == c["ApproximateNumberOfMessagesNotVisible"] == "0" for c in counts
    )


def only(findings: list[Finding]) -> Finding:
    [finding] = findings
    return finding


def test_an_order_that_arrives_is_deleted(
    aws: Aws,
    names: Names,
    queue_url: Callable[[str], str],
    consume: Callable[[Handle], None],
    write_order: Handle,
) -> None:
    consume(write_order)
    finding = only(probe(aws, names).run(consumer_expected=True))
    assert finding.ok
    assert "consumer → table in" in finding.text
    assert aws.dynamodb.scan(TableName=names.order_table)["Count"] == 0


def test_without_a_consumer_its_message_is_found_and_deleted(
    aws: Aws, names: Names, queue_url: Callable[[str], str]
) -> None:
    delivery, consumer = probe(aws, names, 0.2).run(consumer_expected=True)
    assert (delivery.ok, consumer.ok, consumer.subject) == (True, False, "consumer")
    assert "python -m services.ordering.consumer" in consumer.advice
    assert nothing_left(aws, names, queue_url)


def test_no_consumer_is_fine_where_none_is_expected(aws: Aws, names: Names, queue_url: Callable[[str], str]) -> None:
    assert only(probe(aws, names).run(consumer_expected=False)).ok
    assert nothing_left(aws, names, queue_url)


def test_a_consumer_that_refuses_is_named_with_its_reason(
    aws: Aws, names: Names, queue_url: Callable[[str], str], consume: Callable[[Handle], None]
) -> None:
    def refuse(message: Mapping[str, Any]) -> None:
        aws.sqs.send_message(
            QueueUrl=queue_url(names.order_dlq),
            MessageBody=message["Body"],
            MessageAttributes={"reason": {"DataType": "String", "StringValue": "unknown version"}},
        )

    consume(refuse)
    finding = only(probe(aws, names, 5.0, grace=1).run(consumer_expected=True))
    assert (finding.ok, finding.subject) == (False, "consumer")
    assert "unknown version" in finding.text
    eventually(lambda: nothing_left(aws, names, queue_url))


def test_a_consumer_that_cannot_write_is_named_and_its_message_left_to_it(
    aws: Aws, names: Names, consume: Callable[[Handle], None]
) -> None:
    def fail(_: Mapping[str, Any]) -> None:
        raise KeyError

    consume(fail)
    finding = only(probe(aws, names, 5.0, grace=1).run(consumer_expected=True))
    assert (finding.ok, finding.subject) == (False, "consumer")
    assert "messages of shop-order in hand: 1;" in finding.text


def cut(aws: Aws, names: Names) -> None:
    """Nothing comes through the rule any more."""
    aws.events.remove_targets(Rule=names.rule, EventBusName=names.bus, Ids=["order-queue"])


def test_a_rule_that_leads_nowhere_is_named(aws: Aws, names: Names) -> None:
    cut(aws, names)
    finding = only(probe(aws, names, 0.1, grace=1).run(consumer_expected=True))
    assert (finding.ok, finding.subject) == (False, "rule")


def test_an_event_the_rule_could_not_deliver_is_found_with_the_reason(
    aws: Aws, names: Names, queue_url: Callable[[str], str]
) -> None:
    """No emulator writes there, so the test does what EventBridge would."""
    cut(aws, names)
    sent = probe(aws, names, 0.1, grace=1)
    aws.sqs.send_message(
        QueueUrl=queue_url(names.rule_dlq),
        MessageBody=json.dumps({"detail": checkout(sent._order_id, datetime.now(UTC))}),
        MessageAttributes={"ERROR_CODE": {"DataType": "String", "StringValue": "NO_PERMISSIONS"}},
    )
    finding = only(sent.run(consumer_expected=True))
    assert (finding.ok, finding.subject) == (False, "queue")
    assert "NO_PERMISSIONS" in finding.text
    assert nothing_left(aws, names, queue_url)


def test_a_long_backlog_is_not_searched_to_its_end(aws: Aws, names: Names, queue_url: Callable[[str], str]) -> None:
    cut(aws, names)
    for start in range(0, 110, 10):
        entries = [{"Id": str(n), "MessageBody": f"order {n}"} for n in range(start, start + 10)]
        aws.sqs.send_message_batch(QueueUrl=queue_url(names.order_queue), Entries=entries)  # type: ignore[arg-type]
    finding = only(probe(aws, names, 0.1, grace=1).run(consumer_expected=True))
    assert (finding.ok, finding.subject) == (False, "consumer")
    assert "messages waiting in shop-order: 110," in finding.text


def test_an_order_that_comes_late_is_still_well(aws: Aws, names: Names, write_order: Handle) -> None:
    """The consumer holds the message while doctor looks, and writes the order just before it gives up."""
    cut(aws, names)
    sent = probe(aws, names, 0.0, grace=1)
    search = sent._search

    def slow(queue: str) -> Any:
        if queue == names.rule_dlq:
            write_order({"Body": json.dumps({"detail": checkout(sent._order_id, datetime.now(UTC))})})
        return search(queue)

    sent._search = slow  # type: ignore[method-assign]
    finding = only(sent.run(consumer_expected=True))
    assert finding.ok
    assert "late" in finding.text


def test_what_an_earlier_run_left_is_swept_away_and_orders_of_customers_are_not(
    aws: Aws, names: Names, write_order: Handle
) -> None:
    for user, date in ((USER, "2020-01-01T00:00:00.000Z"), ("swn", "2020-01-01T00:00:00.000Z"), (USER, "9")):
        data = {"userName": user, "orderId": f"{user}{date}", "orderDate": date}
        write_order({"Body": json.dumps({"detail": {"data": data}})})
    probe(aws, names, 0.1).run(consumer_expected=True)
    left = aws.dynamodb.scan(TableName=names.order_table)["Items"]
    assert sorted(order["orderId"]["S"] for order in left) == [f"{USER}9", "swn2020-01-01T00:00:00.000Z"]


def test_a_bus_that_refuses_the_event_is_named(aws: Aws, names: Names) -> None:
    class Refusing:
        def put_events(self, **_: Any) -> Any:
            return {
                "FailedEntryCount": 1,
                "Entries": [{"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}],
            }

    refusing = Aws(
        aws.cloudformation,
        aws.cloudwatch,
        aws.dynamodb,
        cast("Any", Refusing()),
        aws.sns,
        aws.sqs,
        "us-east-1",
        emulator=True,
    )
    finding = only(Probe(refusing, names, quick_clock(), 0.0).run(consumer_expected=True))
    assert (finding.ok, finding.subject) == (False, "bus")
    assert "ThrottlingException: slow down" in finding.text
