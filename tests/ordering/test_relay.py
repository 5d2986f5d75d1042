import time
from collections.abc import Mapping

import pytest

from services.ordering.events import event_of
from services.ordering.lifecycle import Step, transition
from tests import aws_clients
from tests.processes import eventually, running
from tests.samples import DATE, order

pytestmark = pytest.mark.integration


def test_relay_publishes_pending_order_events_and_stops_on_signal(stack: Mapping[str, str]) -> None:
    table, sqs, events = (
        aws_clients.table("shop-order-outbox"),
        aws_clients.client("sqs"),
        aws_clients.client("events"),
    )
    queue = sqs.create_queue(QueueName="looking-on")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = '{"source": ["com.swn.ordering.order"]}'
    events.put_rule(Name="looking-on", EventBusName="shop-bus", EventPattern=pattern)
    events.put_targets(Rule="looking-on", EventBusName="shop-bus", Targets=[{"Id": "1", "Arn": arn}])
    confirmed = transition(order(), Step.CONFIRM, DATE)
    assert confirmed
    event = event_of(confirmed, "c-1")
    assert event
    table.put_item(Item=event._asdict() | {"createdAt": int((time.time() - 60) * 1000)})
    with running("services.ordering.relay", stack) as relay:
        messages = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
        eventually(lambda: table.scan()["Items"] == [])
        relay.terminate()
        assert relay.wait(timeout=30) == 0
    assert [event.id in message["Body"] for message in messages] == [True]
