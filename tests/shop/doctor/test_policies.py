"""Only what is written as a permission is taken for one."""

import json
from typing import Any

import pytest

from shop.doctor.policies import admits, service

QUEUE, TOPIC = "arn:aws:sqs:eu-west-1:1:shop-order", "arn:aws:sns:eu-west-1:1:shop-news"
RULE = "arn:aws:events:eu-west-1:1:rule/shop-bus/shop-checkout"
STATEMENT: dict[str, Any] = {
    "Sid": "OnlyTheRuleSends",
    "Effect": "Allow",
    "Principal": {"Service": "events.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": QUEUE,
    "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
}


ROLE = "arn:aws:iam::1:role/shop-saga"
FOR_ROLE: dict[str, Any] = {
    "Principal": {"AWS": "arn:aws:iam::1:root"},
    "Condition": {"ArnEquals": {"aws:PrincipalArn": ROLE}},
}


def written(**changes: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT | changes]})


@pytest.mark.parametrize(
    "policy",
    [
        written(),
        json.dumps({"Statement": STATEMENT}),
        json.dumps({"Statement": [STATEMENT | {"Effect": "Deny"}, STATEMENT]}),
        written(Action=["SQS:SendMessage"], Resource=["x", QUEUE], Principal={"Service": ["events.amazonaws.com"]}),
        written(Condition={"ArnEquals": {"AWS:SourceArn": [RULE]}}),
        written(Condition={}),
    ],
)
def test_a_permission_is_seen_however_aws_writes_it(policy: str) -> None:
    assert admits(policy, QUEUE, RULE)


@pytest.mark.parametrize(
    "policy",
    [
        None,
        "",
        "{}",
        written(Effect="Deny"),
        written(Principal="*"),
        written(Principal={"Service": "sns.amazonaws.com"}),
        written(Action="sns:Publish"),
        written(Resource=f"{QUEUE}-2"),
        written(Condition={"ArnEquals": {"aws:SourceArn": f"{RULE}-2"}}),
        written(Condition={"ArnEquals": {"aws:SourceArn": RULE, "aws:SourceAccount": "2"}}),
        written(Condition={"ArnEquals": {"aws:SourceArn": RULE}, "Bool": {"aws:SecureTransport": "false"}}),
    ],
)
def test_anything_else_is_none(policy: str | None) -> None:
    assert not admits(policy, QUEUE, RULE)


def test_a_topic_is_published_to_and_a_topic_sends() -> None:
    assert admits(written(Action="sns:Publish", Resource=TOPIC), TOPIC, RULE)
    by_topic = {"Principal": {"Service": "sns.amazonaws.com"}, "Condition": {"ArnEquals": {"aws:SourceArn": TOPIC}}}
    assert admits(written(**by_topic), QUEUE, TOPIC)
    assert not admits(written(**by_topic), QUEUE, RULE)


def test_a_mailbox_is_nobodys_service() -> None:
    assert (service(QUEUE), service("ann@example.com")) == ("sqs", "")


def test_a_role_is_admitted_by_its_account_and_a_condition() -> None:
    assert admits(written(**FOR_ROLE), QUEUE, ROLE)


@pytest.mark.parametrize(
    "policy",
    [
        written(),
        written(**FOR_ROLE | {"Principal": {"AWS": "arn:aws:iam::2:root"}}),
        written(**FOR_ROLE | {"Principal": {"Service": "iam.amazonaws.com"}}),
        written(**FOR_ROLE | {"Condition": {"ArnEquals": {"aws:PrincipalArn": f"{ROLE}-2"}}}),
        written(**FOR_ROLE | {"Condition": {"ArnEquals": {"aws:SourceArn": ROLE}}}),
    ],
)
def test_another_account_role_or_condition_does_not_admit_a_role(policy: str) -> None:
    assert not admits(policy, QUEUE, ROLE)
