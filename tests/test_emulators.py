"""What the emulators do differently, each tried on the one that runs; docs/emulators.md says the same."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from tests import emulated
from tests.machine import ROOT

PAGE = ROOT / "docs" / "emulators.md"


class Difference(NamedTuple):
    """`probe` answers one of the two words; the page has AWS's beside them."""

    what: str
    probe: Callable[[], str]
    ministack: str
    localstack: str


def publish(detail: str, bus: str = "shop-bus") -> str:
    entry = {"EventBusName": bus, "Source": "com.example", "DetailType": "Tried", "Detail": detail}
    try:
        answer = emulated.client("events").put_events(Entries=[entry])
    except ClientError as error:
        return f"error {error.response['ResponseMetadata']['HTTPStatusCode']}"
    return "refused entry" if answer["FailedEntryCount"] else "taken"


def time_to_live() -> str:
    answer = emulated.client("dynamodb").describe_time_to_live(TableName="shop-receipt")
    return str(answer["TimeToLiveDescription"]["TimeToLiveStatus"]).lower()


def recovery() -> str:
    answer = emulated.client("dynamodb").describe_continuous_backups(TableName="shop-order")
    recovery = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    return str(recovery["PointInTimeRecoveryStatus"]).lower()


def subscription() -> str:
    sns = emulated.client("sns")
    (found,) = sns.list_subscriptions()["Subscriptions"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=found["SubscriptionArn"])["Attributes"]
    return "there" if "Endpoint" in attributes else "missing"


def rule_identity() -> str:
    answer = emulated.client("cloudformation").describe_stack_resource(
        StackName="shop", LogicalResourceId="CheckoutBasketRule"
    )
    return "bus and name" if "|" in answer["StackResourceDetail"]["PhysicalResourceId"] else "name"


def move_task() -> str:
    sqs = emulated.client("sqs")
    url = sqs.get_queue_url(QueueName="shop-order-dlq")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    try:
        sqs.start_message_move_task(SourceArn=arn)
    except ClientError as error:
        return "unknown" if "Invalid" in error.response["Error"]["Code"] else "error"
    return "known"


def stranger_sends() -> str:
    """To a queue whose policy admits one rule only; as another account, an emulator knows no users."""
    sqs = emulated.client("sqs")
    url = sqs.get_queue_url(QueueName="shop-order")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(DENY)})
    try:
        sqs.send_message(QueueUrl=url, MessageBody="{}")
    except ClientError:
        return "refused"
    return "taken"


DENY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}],
}
DIFFERENCES = (
    Difference("an event whose detail is no JSON", lambda: publish("{"), "taken", "refused entry"),
    Difference("an event of 300 KB", lambda: publish(json.dumps("x" * 300_000)), "taken", "error 400"),
    Difference("an event for a bus that is not there", lambda: publish("{}", "no-such-bus"), "taken", "taken"),
    Difference("time to live, set by the template", time_to_live, "disabled", "enabled"),
    Difference("point-in-time recovery, set by the template", recovery, "disabled", "disabled"),
    Difference("the endpoint among a subscription's attributes", subscription, "missing", "there"),
    Difference("a rule's physical id in CloudFormation", rule_identity, "name", "bus and name"),
    Difference("`StartMessageMoveTask`", move_task, "unknown", "known"),
    Difference("a message against the queue's policy", stranger_sends, "taken", "taken"),
)


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    choice = str(request.config.getoption("--emulator"))
    if choice not in {"ministack", "localstack"}:
        pytest.skip(f"{choice} is neither: its differences are not known")
    return choice


@pytest.mark.integration
@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.what)
def test_an_emulator_differs_as_the_page_says(stack: Mapping[str, str], kind: str, difference: Difference) -> None:
    assert difference.probe() == getattr(difference, kind)


def test_the_page_says_what_is_tried_and_nothing_else() -> None:
    rows: list[Any] = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \| .+ \|$", PAGE.read_text(), flags=re.MULTILINE)
    told = [row for row in rows if row[0] != "what" and not row[0].startswith("--")]
    assert told == [(each.what, each.ministack, each.localstack) for each in DIFFERENCES]
