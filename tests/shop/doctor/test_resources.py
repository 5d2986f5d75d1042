"""Every resource that is missing or broken is named."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from bootstrap import stacks
from bootstrap.aws import Aws
from bootstrap.names import Names
from bootstrap.templates import load
from shop.doctor.findings import Finding
from shop.doctor.resources import Resources
from tests.bootstrap.fakes import aws_of, client_error
from tests.shop.doctor.drift import BUS, DRIFTS, ONLY_ON_MINISTACK

NAMES = Names("shop")


def findings(aws: Aws, resources: list[Any]) -> list[Finding]:
    return list(Resources(aws, BUS, "advice").findings(resources))


@pytest.mark.integration
def test_fresh_shop_has_no_fault(aws: Aws) -> None:
    assert findings(aws, stacks.resources(aws, NAMES)) == []


@pytest.mark.integration
@pytest.mark.parametrize(
    "broken", [pytest.param(name, marks=[pytest.mark.ministack] * (name in ONLY_ON_MINISTACK)) for name in DRIFTS]
)
def test_what_is_broken_by_hand_is_named_and_nothing_else(aws: Aws, broken: str) -> None:
    break_it, expected = DRIFTS[broken]
    break_it(aws)
    resources = {resource["LogicalResourceId"]: resource for resource in stacks.resources(aws, NAMES)}
    found = findings(aws, [*resources.values()])
    assert all(not finding.ok and finding.advice == "advice" for finding in found)
    assert {finding.text for finding in found} == {
        f"{name} ({resources[name]['ResourceType']}): "
        + text.replace("IDENTITY", resources[name].get("PhysicalResourceId", ""))
        for name, text in expected.items()
    }


@pytest.mark.integration
def test_bus_that_is_gone_is_named(aws: Aws) -> None:
    for rule in aws.events.list_rules(EventBusName=BUS)["Rules"]:
        targets = aws.events.list_targets_by_rule(Rule=rule["Name"], EventBusName=BUS)["Targets"]
        aws.events.remove_targets(Rule=rule["Name"], EventBusName=BUS, Ids=[target["Id"] for target in targets])
        aws.events.delete_rule(Name=rule["Name"], EventBusName=BUS)
    aws.events.delete_event_bus(Name=BUS)
    found = [finding.text for finding in findings(aws, stacks.resources(aws, NAMES))]
    assert any("shop-bus is gone" in line for line in found)
    rules = [rule for template in load(NAMES) for rule in template.rules() if rule.bus == BUS]
    assert sum("(AWS::Events::Rule)" in line and "is gone" in line for line in found) == len(rules)


class Tables:
    """DynamoDB with one answer to everything."""

    def __init__(self, status: str = "", error: ClientError | None = None) -> None:
        self.status, self.error = status, error

    def describe_table(self, **asked: str) -> Any:
        if self.error:
            raise self.error
        return {"Table": {"TableStatus": self.status}}


def of_table(dynamodb: Tables, kind: str = "AWS::DynamoDB::Table") -> list[Finding]:
    resource = {"LogicalResourceId": "T", "ResourceType": kind, "PhysicalResourceId": "t"}
    return findings(aws_of(dynamodb), [resource])


def test_table_that_exists_but_is_not_usable_is_a_fault() -> None:
    assert [finding.text for finding in of_table(Tables("DELETING"))] == ["T (AWS::DynamoDB::Table): t is DELETING"]
    assert of_table(Tables("ACTIVE")) == []


def test_type_without_a_check_is_not_checked_and_no_fault() -> None:
    [finding] = of_table(Tables(), "AWS::S3::Bucket")
    assert finding.ok
    assert str(finding) == "· resources    not checked: T (AWS::S3::Bucket)"


def test_target_of_an_unknown_kind_is_not_checked_and_no_fault() -> None:
    target = {"Arn": "arn:aws:states:eu-west-1:1:stateMachine:saga", "Id": "1"}
    events = SimpleNamespace(
        describe_rule=lambda **_: {"State": "ENABLED", "Arn": "arn:aws:events:eu-west-1:1:rule/shop-bus/r"},
        list_targets_by_rule=lambda **_: {"Targets": [target | {"DeadLetterConfig": {"Arn": target["Arn"]}}]},
    )
    resource = {"LogicalResourceId": "R", "ResourceType": "AWS::Events::Rule", "PhysicalResourceId": "r"}
    [finding] = findings(cast("Any", SimpleNamespace(events=events)), [resource])
    assert finding.ok
    assert finding.text == f"not checked: R (AWS::Events::Rule): who may send to {target['Arn']}"


@pytest.mark.parametrize(
    ("pending", "told"),
    [("true", ["not checked: M (AWS::SNS::Subscription): ann@example.com has not confirmed it yet"]), ("false", [])],
)
def test_mailbox_that_has_not_confirmed_is_named_and_no_fault(pending: str, told: list[str]) -> None:
    """AWS lists its subscription without the ARN."""
    topic, dead = "arn:aws:sns:eu-west-1:1:shop-n", "arn:aws:sqs:eu-west-1:1:shop-m-dlq"
    attributes = {"PendingConfirmation": pending, "Endpoint": "ann@example.com"}
    listed = {"Subscriptions": [{"SubscriptionArn": "PendingConfirmation", "Endpoint": "ann@example.com"}]}
    sns = SimpleNamespace(
        get_subscription_attributes=lambda **_: {
            "Attributes": attributes | {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead})}
        },
        get_paginator=lambda _: SimpleNamespace(paginate=lambda **_: [listed]),
    )
    admitted = {
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": dead,
    }  # fmt: skip
    sqs = SimpleNamespace(
        get_queue_url=lambda **_: {"QueueUrl": "m-dlq"},
        get_queue_attributes=lambda **_: {"Attributes": {"Policy": json.dumps({"Statement": [admitted]})}},
    )
    resource = {"LogicalResourceId": "M", "ResourceType": "AWS::SNS::Subscription", "PhysicalResourceId": f"{topic}:1"}
    found = findings(cast("Any", SimpleNamespace(sns=sns, sqs=sqs, events=None, dynamodb=None)), [resource])
    assert [finding.text for finding in found] == told
    assert all(finding.ok for finding in found)


def test_denied_look_is_no_absence() -> None:
    with pytest.raises(ClientError):
        of_table(Tables(error=client_error("AccessDeniedException")))
