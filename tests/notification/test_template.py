"""Events of orders become notifications by the template alone, on the emulator that the tests run on."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import aws_clients
from tests.bootstrap.template import read
from tests.processes import eventually
from tests.samples import marked_as_test

integration = pytest.mark.integration
SENTENCES = {
    "order_confirmed": "The order is confirmed.",
    "order_rejected": "The order is rejected. Its field reason says why.",
    "order_cancelled": "The order is cancelled.",
}
FOUND = read().items()
RULES = {name: r["Properties"] for name, r in FOUND if r["Type"] == "AWS::Events::Rule" and name.startswith("Notify")}


def golden(name: str) -> dict[str, Any]:
    """With amounts as an event has them: numbers."""
    return dict(json.loads((Path(__file__).parents[1] / "events" / f"{name}.json").read_text()))


def notification(event: Mapping[str, Any], sentence: str) -> dict[str, Any]:
    """What subscribers get of an event."""
    detail = event["detail"]
    return {
        "event": event["detail-type"],
        "message": sentence,
        "id": detail["metadata"]["id"],
        "order": detail["data"],
    }


def publish(*events: Mapping[str, Any]) -> None:
    entries = [
        {
            "EventBusName": "shop-bus",
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"]),
        }
        for event in events
    ]
    assert aws_clients.client("events").put_events(Entries=entries)["FailedEntryCount"] == 0


def received(queue: str, count: int) -> list[dict[str, Any]]:
    """The next `count` messages, by their ids. Fails if there are more."""
    sqs, bodies = aws_clients.client("sqs"), list[str]()
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]

    def receive() -> bool:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        bodies.extend(message["Body"] for message in answer.get("Messages", []))
        return len(bodies) >= count

    eventually(receive)
    assert len(bodies) == count
    return sorted((json.loads(body) for body in bodies), key=lambda each: str(each["id"]))


@integration
def test_each_event_becomes_one_notification_with_its_sentence_and_all_fields(stack: Mapping[str, str]) -> None:
    events = {name: golden(name) for name in SENTENCES}
    publish(*events.values())
    expected = [notification(events[name], sentence) for name, sentence in SENTENCES.items()]
    assert received("shop-notifications", 3) == sorted(expected, key=lambda each: str(each["id"]))
    assert [each["order"]["totalPrice"] for each in expected] == [2769.9] * 3


@integration
def test_subscribers_get_no_test_message_and_no_event_of_another_source(stack: Mapping[str, str]) -> None:
    event = golden("order_confirmed")
    tested = json.loads(marked_as_test(golden("order_confirmed")))
    publish(tested, event | {"source": "com.swn.other"}, event)
    assert received("shop-notifications", 1) == [notification(event, SENTENCES["order_confirmed"])]


@integration
def test_field_that_an_event_lacks_or_adds_does_no_harm(stack: Mapping[str, str]) -> None:
    """The events of one version may get fields, and `reason` is optional in their schema."""
    event = golden("order_rejected")
    del event["detail"]["data"]["reason"]
    event["detail"]["data"] |= {"new": [{"nested": True}], "free": 0, "nothing": None, "userName": "o'brien|ö@é,:~"}
    publish(event)
    assert received("shop-notifications", 1) == [notification(event, SENTENCES["order_rejected"])]


@integration
def test_filtered_subscription_gets_only_its_events(stack: Mapping[str, str]) -> None:
    sns, sqs = aws_clients.client("sns"), aws_clients.client("sqs")
    url = sqs.create_queue(QueueName="rejections")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    (topic,) = [each["TopicArn"] for each in sns.list_topics()["Topics"] if "notifications" in each["TopicArn"]]
    attributes = {
        "RawMessageDelivery": "true",
        "FilterPolicyScope": "MessageBody",
        "FilterPolicy": json.dumps({"event": ["OrderRejected"]}),
    }
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    publish(*(golden(name) for name in SENTENCES))
    assert len(received("shop-notifications", 3)) == 3
    (rejected,) = received("rejections", 1)
    assert rejected["event"] == "OrderRejected"


@pytest.mark.parametrize("rule", RULES)
def test_rule_has_one_event_and_the_transformer_writes_variables_as_whole_values_only(rule: str) -> None:
    """LocalStack drops a variable inside a text, and the event's name is what filters read."""
    (event,), (target,) = RULES[rule]["EventPattern"]["detail-type"], RULES[rule]["Targets"]
    transformer = target["InputTransformer"]
    template = transformer["InputTemplate"]
    for name in transformer["InputPathsMap"]:
        template = template.replace(f'": <{name}>', '": null')
    assert "<" not in template
    written = json.loads(template)
    assert written.keys() == {"event", "message", "id", "order"}
    assert (written["event"], rule) == (event, f"Notify{event}Rule")
    assert transformer["InputPathsMap"] == {"id": "$.detail.metadata.id", "order": "$.detail.data"}


def test_every_event_that_ends_an_order_has_a_rule() -> None:
    assert RULES.keys() == {"NotifyOrderConfirmedRule", "NotifyOrderRejectedRule", "NotifyOrderCancelledRule"}


def test_every_subscription_of_the_shop_reads_the_field_that_all_texts_have() -> None:
    own = [each["Properties"] for each in read().values() if each["Type"] == "AWS::SNS::Subscription"]
    told = [each for each in own if each["TopicArn"] == "NotificationsTopic"]
    assert [each["Protocol"] for each in told] == ["sqs", "email"]
    for each in told:
        assert each["FilterPolicyScope"] == "MessageBody"
        assert {*each["FilterPolicy"]["event"]} == {rule["EventPattern"]["detail-type"][0] for rule in RULES.values()}


def test_the_queue_to_look_at_loses_no_message_by_being_looked_at() -> None:
    assert "RedrivePolicy" not in read()["NotificationsQueue"]["Properties"]


def test_nothing_of_the_mailbox_exists_without_an_address() -> None:
    conditional = {name for name, resource in read().items() if resource.get("Condition") == "HasMailbox"}
    assert conditional == {name for name in read() if name.startswith("Mailbox")}
