"""Whatever is taken away by hand is missed."""

from collections.abc import Callable
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from bootstrap.aws import Aws
from bootstrap.inventory import Inventory
from bootstrap.names import Names
from bootstrap.stack import Stack
from tests.bootstrap.fakes import client_error

Break = Callable[[Aws, Names], object]


def url(aws: Aws, queue: str) -> str:
    return aws.sqs.get_queue_url(QueueName=queue)["QueueUrl"]


def set_policy(aws: Aws, queue: str, policy: str) -> None:
    aws.sqs.set_queue_attributes(QueueUrl=url(aws, queue), Attributes={"Policy": policy})


def switch_off(aws: Aws, names: Names) -> None:
    aws.events.disable_rule(Name=names.rule, EventBusName=names.bus)


def drop_target(aws: Aws, names: Names) -> None:
    aws.events.remove_targets(Rule=names.rule, EventBusName=names.bus, Ids=["order-queue"])


def close_the_catalogue(aws: Aws, _: Names) -> None:
    for queue in ("shop-catalogue", "shop-product-changes-dlq"):
        set_policy(aws, queue, "")


def topic(aws: Aws) -> str:
    (found,) = aws.sns.list_topics()["Topics"]
    return found["TopicArn"]


BREAKS: dict[str, Break] = {
    "shop-order is gone": lambda aws, names: aws.dynamodb.delete_table(TableName=names.order_table),
    "shop-order-dlq is gone": lambda aws, names: aws.sqs.delete_queue(QueueUrl=url(aws, names.order_dlq)),
    "switched off": switch_off,
    "lost its target": drop_target,
    "shop-order-dlq-not-empty is gone": lambda aws, _: aws.cloudwatch.delete_alarms(
        AlarmNames=["shop-order-dlq-not-empty"]
    ),
    "shop-order no longer admit shop-checkout-basket": lambda aws, names: set_policy(aws, names.order_queue, ""),
    "shop-catalogue and shop-product-changes-dlq no longer admit shop-product-changes": close_the_catalogue,
    "shop-price-drops no longer admit shop-price-drops": lambda aws, _: set_policy(aws, "shop-price-drops", ""),
    "price-drops is gone": lambda aws, _: aws.sns.delete_topic(TopicArn=topic(aws)),
}


@pytest.mark.integration
def test_a_fresh_shop_has_no_fault(aws: Aws, names: Names, shop: Stack) -> None:
    assert Inventory(aws, names).faults(shop.resources()) == []


@pytest.mark.integration
@pytest.mark.parametrize("fault", BREAKS)
def test_what_is_broken_by_hand_is_named(aws: Aws, names: Names, shop: Stack, fault: str) -> None:
    BREAKS[fault](aws, names)
    found = Inventory(aws, names).faults(shop.resources())
    assert [line for line in found if fault in line]


@pytest.mark.integration
def test_a_bus_that_is_gone_is_named(aws: Aws, names: Names, shop: Stack) -> None:
    drop_target(aws, names)
    aws.events.delete_rule(Name=names.rule, EventBusName=names.bus)
    aws.events.delete_event_bus(Name=names.bus)
    found = Inventory(aws, names).faults(shop.resources())
    assert any("shop-bus is gone" in line for line in found)
    assert any("shop-checkout-basket is gone" in line for line in found)


class Tables:
    """DynamoDB with one answer to everything."""

    def __init__(self, status: str = "", error: ClientError | None = None) -> None:
        self.status, self.error = status, error

    def describe_table(self, **asked: str) -> Any:
        if self.error:
            raise self.error
        return {"Table": {"TableStatus": self.status}}


def faults(dynamodb: Tables, kind: str = "AWS::DynamoDB::Table") -> list[str]:
    fake = cast("Any", dynamodb)
    resource = {"LogicalResourceId": "T", "ResourceType": kind, "PhysicalResourceId": "t"}
    aws = Aws(fake, fake, fake, fake, fake, fake, region="", emulator=True)
    return Inventory(aws, Names("shop")).faults([cast("Any", resource)])


def test_a_table_that_is_there_but_not_usable_is_a_fault() -> None:
    assert faults(Tables("DELETING")) == ["T (AWS::DynamoDB::Table): t is DELETING"]
    assert faults(Tables("ACTIVE")) == []


def test_a_type_without_a_check_is_a_fault() -> None:
    assert "cannot check this type yet" in faults(Tables(), "AWS::S3::Bucket")[0]


def test_a_denied_look_is_no_absence() -> None:
    with pytest.raises(ClientError):
        faults(Tables(error=client_error("AccessDeniedException")))
