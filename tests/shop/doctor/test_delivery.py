"""Each hop of a test message is broken in turn, and doctor must name that one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from bootstrap.aws import Aws
from bootstrap.clock import Clock
from bootstrap.manifests import processes
from bootstrap.names import Names
from bootstrap.templates import load
from chassis.core.events import Reply
from chassis.messaging.consumer import Consumer
from chassis.messaging.replies import Replies
from services.ordering.events_in import BasketCheckedOut
from shop.doctor.delivery import Delivery
from shop.doctor.findings import Finding
from shop.doctor.replies import replies
from shop.doctor.routes import Route, routes
from tests.bootstrap.fakes import quick_clock
from tests.fakes import FakeDeadLetters
from tests.processes import running
from tests.shop.doctor.conftest import Consume, Handle

pytestmark = pytest.mark.integration
BUS, RULE, QUEUE = "shop-bus", "shop-checkout-basket", "shop-order"
NAMES = Names("shop")
HOP = (QUEUE, ("com.swn.basket.checkoutbasket", "CheckoutBasket"))
START = "start ordering-consumer: `python -m services.ordering.consumer`, then ask doctor again"
# What does not depend on the emulator's answers.
same_everywhere = pytest.mark.ministack


@pytest.fixture
def route(aws: Aws) -> Route:
    """From basket to ordering."""
    rules = [rule for template in load(NAMES) for rule in template.rules()]
    [found] = [each for each in routes(aws, NAMES, rules, processes()) if isinstance(each, Route) and each.rule == RULE]
    return found


def delivery(aws: Aws, patience: float = 1.0) -> Delivery:
    return Delivery(aws, NAMES, Clock(), patience)


def only(aws: Aws, route: Route, patience: float = 1.0) -> Finding:
    [finding] = delivery(aws, patience).findings([route])
    return finding


def forbidden(_: object) -> None:
    pytest.fail("a test message reached the handler")


def answering(aws: Aws, url: str, *kinds: type[Any]) -> Handle:
    """As a consumer with handlers for these kinds of events does it."""
    replies = Replies(lambda body: cast("None", aws.sqs.send_message(QueueUrl=url, MessageBody=body)), QUEUE)
    consumer = Consumer(dict.fromkeys(kinds, forbidden), FakeDeadLetters(), replies)
    return lambda message: (
        consumer.handle_batch({"Records": [{"messageId": "m", "body": message["Body"]}]}) == {"batchItemFailures": []}
    )


def depth(aws: Aws, url: str) -> tuple[int, int]:
    """Messages that wait, and that are in flight."""
    found = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(found["ApproximateNumberOfMessages"]), int(found["ApproximateNumberOfMessagesNotVisible"])


def test_answer_of_the_real_consumer_is_good_and_no_order_is_made(
    aws: Aws, stack: Mapping[str, str], route: Route, queue_url: Callable[[str], str]
) -> None:
    with running("services.ordering.consumer", stack):
        finding = only(aws, route, patience=60)
    assert (finding.ok, finding.subject) == (True, "delivery")
    assert "CheckoutBasket: rule shop-checkout-basket → queue shop-order → ordering-consumer in " in finding.text
    assert aws.dynamodb.scan(TableName="shop-order")["Count"] == 0
    assert depth(aws, queue_url("shop-doctor")) == depth(aws, queue_url("shop-order-dlq")) == (0, 0)


@same_everywhere
def test_bus_that_refuses_the_event_is_named(aws: Aws, route: Route) -> None:
    class Refusing:
        def put_events(self, **_: Any) -> Any:
            return {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "Throttling", "ErrorMessage": "slow down"}]}

    finding = only(replace(aws, events=cast("Any", Refusing())), route)
    assert (finding.ok, finding.subject) == (False, "bus")
    assert "shop-bus refused CheckoutBasket: Throttling: slow down" in finding.text


def test_queue_without_consumer_is_named_and_its_messages_are_not_received(
    aws: Aws, route: Route, queue_url: Callable[[str], str]
) -> None:
    for n in range(3):
        aws.sqs.send_message(QueueUrl=queue_url(QUEUE), MessageBody=f"order {n}")
    finding = only(aws, route)
    assert (finding.ok, finding.subject) == (False, "consumer")
    assert finding.text == "messages wait in shop-order, and no process receives them: 4"
    assert finding.advice == START
    answer = aws.sqs.receive_message(
        QueueUrl=queue_url(QUEUE), MaxNumberOfMessages=10, MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in answer["Messages"]} == {"1"}


def mismatch(aws: Aws) -> None:
    pattern = json.dumps({"source": ["com.swn.basket.checkoutbasket"], "detail-type": ["BasketWashed"]})
    aws.events.put_rule(Name=RULE, EventBusName=BUS, EventPattern=pattern)


def test_rule_that_does_not_match_is_named(
    aws: Aws, route: Route, consume: Consume, queue_url: Callable[[str], str]
) -> None:
    mismatch(aws)
    consume(answering(aws, queue_url("shop-doctor"), BasketCheckedOut))
    finding = only(aws, route, patience=10)
    assert (finding.ok, finding.subject) == (False, "rule")
    assert (
        finding.text == "shop-bus accepted CheckoutBasket, but rule shop-checkout-basket did not bring it to shop-order"
    )


@same_everywhere
def test_rule_and_missing_consumer_are_both_named(aws: Aws, route: Route) -> None:
    mismatch(aws)
    rule, consumer = delivery(aws).findings([route])
    assert (rule.ok, rule.subject) == (False, "rule")
    assert (consumer.ok, consumer.subject) == (False, "consumer")
    assert consumer.advice == START


@same_everywhere
def test_consumer_that_does_not_answer_is_named(aws: Aws, route: Route, consume: Consume) -> None:
    consume(lambda _: True)
    finding = only(aws, route, patience=3)
    assert (finding.ok, finding.subject) == (False, "consumer")
    assert "ordering-consumer received a test message from shop-order and did not answer" in finding.text


@same_everywhere
def test_consumer_that_does_not_finish_is_named(aws: Aws, route: Route, consume: Consume) -> None:
    consume(lambda _: False)
    finding = only(aws, route, patience=3)
    assert (finding.ok, finding.subject) == (False, "consumer")
    assert "no answer came, and messages of shop-order are in flight: 1 (waiting: 0)" in finding.text


@same_everywhere
def test_answer_that_comes_late_is_good(
    aws: Aws, route: Route, consume: Consume, queue_url: Callable[[str], str]
) -> None:
    """As if the consumer had been slow: it answers the first test message after it received the second one."""
    answer, first = answering(aws, queue_url("shop-doctor"), BasketCheckedOut), list[Mapping[str, Any]]()

    def late(message: Mapping[str, Any]) -> bool:
        if first:
            return answer(first[0]) and answer(message)
        first.append(message)
        return True

    consume(late)
    finding = only(aws, route, patience=5)
    assert (finding.ok, finding.subject) == (True, "delivery")


@same_everywhere
def test_consumer_that_refuses_test_messages_is_named_with_the_reason(
    aws: Aws, route: Route, consume: Consume, queue_url: Callable[[str], str]
) -> None:
    url = queue_url("shop-order-dlq")
    aws.sqs.send_message(QueueUrl=url, MessageBody="of somebody else")

    def refuse(message: Mapping[str, Any]) -> bool:
        reason: Any = {"reason": {"DataType": "String", "StringValue": "detail.metadata.version: Field required"}}
        aws.sqs.send_message(QueueUrl=url, MessageBody=message["Body"], MessageAttributes=reason)
        return True

    consume(refuse)
    finding = only(aws, route, patience=3)
    assert (finding.ok, finding.subject) == (False, "consumer")
    assert "to the dead-letter queue: detail.metadata.version: Field required" in finding.text
    assert depth(aws, url) == (1, 0)


def test_event_that_eventbridge_could_not_send_is_named_with_its_error(
    aws: Aws, route: Route, queue_url: Callable[[str], str]
) -> None:
    """No emulator writes there, so the test does it instead of EventBridge."""
    aws.events.remove_targets(Rule=RULE, EventBusName=BUS, Ids=["order-queue"])
    sent = delivery(aws)
    aws.sqs.send_message(
        QueueUrl=queue_url("shop-checkout-basket-dlq"),
        MessageBody=json.dumps({"detail": {"metadata": {"test": sent._run}}}),
        MessageAttributes={"ERROR_CODE": {"DataType": "String", "StringValue": "NO_PERMISSIONS"}},
    )
    [finding] = sent.findings([route])
    assert (finding.ok, finding.subject) == (False, "queue")
    assert "could not send to shop-order: EventBridge could not deliver it: NO_PERMISSIONS" in finding.text
    assert depth(aws, queue_url("shop-checkout-basket-dlq")) == (0, 0)


@same_everywhere
def test_consumer_without_handler_for_the_event_is_named(
    aws: Aws, route: Route, consume: Consume, queue_url: Callable[[str], str]
) -> None:
    consume(answering(aws, queue_url("shop-doctor")))
    finding = only(aws, route, patience=10)
    assert (finding.ok, finding.subject) == (False, "consumer")
    assert "ordering-consumer has no handler for CheckoutBasket of com.swn.basket.checkoutbasket" in finding.text


def reply(run: str) -> str:
    return Reply(run=run, queue=QUEUE, source=HOP[1][0], detail_type=HOP[1][1], handled=True).model_dump_json()


@same_everywhere
def test_replies_to_other_runs_are_ignored_and_left_to_another_doctor(
    aws: Aws, queue_url: Callable[[str], str]
) -> None:
    """SQS removes them by the queue's retention time, which `test_resources.py` of bootstrap checks."""
    url = queue_url("shop-doctor")
    aws.sqs.send_message(QueueUrl=url, MessageBody=reply("run-1"))
    assert list(replies(aws, url, "run-2", {HOP}, quick_clock(), patience=0.0)) == []
    assert sum(depth(aws, url)) == 1
    assert [hop for hop, *_ in replies(aws, url, "run-1", {HOP}, Clock(), patience=10.0)] == [HOP]
    assert sum(depth(aws, url)) == 0


@same_everywhere
def test_reply_that_cannot_be_read_is_ignored(aws: Aws, queue_url: Callable[[str], str]) -> None:
    for body in ("{", "[]", '{"run": "run-1"}', reply("run-1")):
        aws.sqs.send_message(QueueUrl=queue_url("shop-doctor"), MessageBody=body)
    found = replies(aws, queue_url("shop-doctor"), "run-1", {HOP}, Clock(), patience=10.0)
    assert [hop for hop, *_ in found] == [HOP]
