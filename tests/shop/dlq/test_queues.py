"""The dead-letter queues are found among the shop's resources, so a new one needs no code."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest

from bootstrap import stacks
from bootstrap.aws import Aws
from bootstrap.errors import Failed
from bootstrap.names import Names
from bootstrap.templates import load
from shop.dlq.queues import dead_letter_queues
from tests.bootstrap.fakes import client_error
from tests.shop.doctor.drift import Break, drop_queue, drop_subscription, drop_topic

pytestmark = pytest.mark.integration
BUS = "shop-bus"
# Without that of the mailbox, which the shop of the tests does not have.
DEAD_LETTER_QUEUES = {
    name for each in load(Names("shop")) for _, name in each.physical_names().values() if name.endswith("-dlq")
} - {"shop-mailbox-dlq"}
# Those of queues have the name of the queue, and these have the name of their rule.
SHOP = {name: {name.removesuffix("-dlq")} for name in DEAD_LETTER_QUEUES} | {
    "shop-checkout-basket-dlq": {"shop-order"},
    "shop-stock-order-confirmed-dlq": {"shop-stock"},
    "shop-sweep-orders-dlq": set(),  # EventBridge puts its own event there, and not the tick that it would have sent
    "shop-product-changes-dlq": {"shop-catalogue"},
    "shop-price-drops-dlq": {"topic shop-price-drops", "shop-price-drops"},
    "shop-notify-dlq": set(),
}


def sources(aws: Aws, *others: tuple[str, str]) -> dict[str, set[str]]:
    """What each dead-letter queue serves. `others` are resources that the stacks do not have."""
    more: Any = [{"ResourceType": kind, "PhysicalResourceId": identity} for kind, identity in others]
    found = dead_letter_queues(aws, [*stacks.resources(aws, Names("shop")), *more], BUS)
    return {dead.name: {source.name for source in dead.sources.values()} for dead in found}


def target(aws: Aws, url: str, dead: str, **more: Any) -> Any:
    return {"Id": "1", "Arn": arn(aws, url), "DeadLetterConfig": {"Arn": arn(aws, dead)}} | more


def arn(aws: Aws, url: str) -> str:
    return aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def test_those_of_rules_and_subscriptions_are_found_like_those_of_queues(aws: Aws) -> None:
    assert sources(aws) == SHOP


def test_a_new_queue_and_rule_are_found_and_one_may_serve_several(aws: Aws, queue_url: Callable[[str], str]) -> None:
    dead = aws.sqs.create_queue(QueueName="shop-extra-dlq")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": arn(aws, dead), "maxReceiveCount": 3})
    extra = aws.sqs.create_queue(QueueName="shop-extra", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    aws.events.put_rule(Name="shop-extra", EventBusName=BUS, EventPattern='{"source": ["extra"]}')
    targets = [target(aws, extra, queue_url("shop-checkout-basket-dlq"))]
    aws.events.put_targets(Rule="shop-extra", EventBusName=BUS, Targets=targets)
    queues = [("AWS::SQS::Queue", dead), ("AWS::SQS::Queue", extra)]
    assert sources(aws, ("AWS::Events::Rule", "shop-extra"), *queues) == SHOP | {
        "shop-extra-dlq": {"shop-extra"},
        "shop-checkout-basket-dlq": {"shop-order", "shop-extra"},
    }


def test_a_target_that_gets_a_rewritten_event_cannot_be_redriven_to(aws: Aws, queue_url: Callable[[str], str]) -> None:
    """Its dead-letter queue holds the event, and the consumer expects something else."""
    [there] = aws.events.list_targets_by_rule(Rule="shop-checkout-basket", EventBusName=BUS)["Targets"]
    rewritten = target(aws, queue_url("shop-order"), queue_url("shop-checkout-basket-dlq"), InputPath="$.detail")
    aws.events.put_targets(Rule="shop-checkout-basket", EventBusName=BUS, Targets=[rewritten | {"Id": there["Id"]}])
    assert sources(aws)["shop-checkout-basket-dlq"] == set()


@pytest.mark.parametrize(
    ("take_away", "gone"),
    [
        (drop_queue("shop-order-dlq"), "shop-order-dlq"),
        (drop_subscription, ":shop-price-drops:.*"),
        (drop_topic, ":shop-price-drops:.*"),
    ],
)
def test_a_missing_resource_is_left_to_doctor(aws: Aws, take_away: Break, gone: str) -> None:
    take_away(aws)
    with pytest.raises(Failed, match=f"{gone} is gone: `.venv/bin/shop doctor`"):
        sources(aws)


def test_a_missing_rule_is_too_and_only_aws_answers_an_error() -> None:
    def paginate(**_: str) -> NoReturn:
        raise client_error("ResourceNotFoundException")

    events = SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=paginate))
    rule = {"ResourceType": "AWS::Events::Rule", "PhysicalResourceId": "shop-bus|shop-price-drops"}
    with pytest.raises(Failed, match="shop-price-drops is gone"):
        dead_letter_queues(cast("Any", SimpleNamespace(events=events)), [cast("Any", rule)], "shop-bus")
