"""What no emulator enforces is read from the template: encryption, policies, dead-letter queues, alarms, names."""

import copy
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from cfnlint import decode

from bootstrap.aws import Aws
from bootstrap.names import Names

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "bootstrap" / "shop.yaml"
EVENT = json.loads((ROOT / "tests" / "events" / "checkout_basket.json").read_text())
PSEUDO = {
    "AWS::StackName": "shop",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
}
NAME_KEYS = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
}
NAMELESS = {"AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::SNS::Subscription"}
LOOKED_AT = {"PriceDropsQueue"}  # nobody's consumer: a subscriber to be looked at, which keeps a day
RULE = "arn:aws:events:eu-west-1:123456789012:rule/shop-bus/"
POLICIES = {"sqs": "AWS::SQS::QueuePolicy", "sns": "AWS::SNS::TopicPolicy"}
ACTIONS = {"sqs": ("sqs:SendMessage", "sqs:*", "*"), "sns": ("sns:Publish", "sns:*", "*")}


def resolved(node: Any) -> Any:
    """The template as CloudFormation would read it for stack "shop"; `!GetAtt` and `!Ref` become "Resource.Arn"."""
    if isinstance(node, list):
        return [resolved(item) for item in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"Fn::Sub"}:
        return re.sub(r"\$\{([^}]+)\}", lambda name: PSEUDO[name[1]], node["Fn::Sub"])
    if set(node) == {"Fn::GetAtt"}:
        return ".".join(node["Fn::GetAtt"]) if isinstance(node["Fn::GetAtt"], list) else node["Fn::GetAtt"]
    if set(node) == {"Ref"}:
        return PSEUDO.get(node["Ref"], node["Ref"])
    return {str(key): resolved(value) for key, value in node.items()}


@pytest.fixture(scope="module")
def resources() -> Mapping[str, Any]:
    template, problems = decode.decode(str(SHOP))
    assert not problems
    return dict(resolved(template)["Resources"])


def of_type(resources: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Any]]:
    found = [(name, r["Properties"]) for name, r in resources.items() if r["Type"] == kind]
    assert found
    yield from found


def dead_letter_queues(resources: Mapping[str, Any]) -> set[str]:
    return {name for name, queue in of_type(resources, "AWS::SQS::Queue") if queue["QueueName"].endswith("-dlq")}


def may_send(resources: Mapping[str, Any], receiver: str, service: str, source_arn: str) -> bool:
    """Whether policies let a service send on behalf of a source: explicit allows, no denies used."""
    kind = resources[receiver]["Type"].split("::")[1].lower()
    return any(
        admits(statement, kind, receiver, service, source_arn)
        for _, policy in of_type(resources, POLICIES[kind])
        if receiver in policy.get("Queues", policy.get("Topics"))
        for statement in policy["PolicyDocument"]["Statement"]
    )


def feeds(resources: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """Who sends to what: the receiver, and the service and ARN of each sender."""
    found = set()
    for _, rule in of_type(resources, "AWS::Events::Rule"):
        for target in rule["Targets"]:
            for receiver in (target["Arn"], target["DeadLetterConfig"]["Arn"]):
                found.add((receiver.removesuffix(".Arn"), "events.amazonaws.com", RULE + rule["Name"]))
    for _, subscription in of_type(resources, "AWS::SNS::Subscription"):
        for receiver in (subscription["Endpoint"], subscription["RedrivePolicy"]["deadLetterTargetArn"]):
            found.add((receiver.removesuffix(".Arn"), "sns.amazonaws.com", subscription["TopicArn"]))
    return found


def admits(statement: Any, kind: str, receiver: str, service: str, source_arn: str) -> bool:
    principal = statement["Principal"]
    known = set(statement) <= {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    assert known, "the evaluator must understand all of it"
    assert set(statement.get("Condition", {})) <= {"ArnEquals"}
    wanted = statement.get("Condition", {}).get("ArnEquals", {"aws:SourceArn": source_arn})
    return (
        statement["Effect"] == "Allow"
        and (principal == "*" or principal.get("Service") in ("*", service))
        and statement["Action"] in ACTIONS[kind]
        and (f"{receiver}.Arn" if kind == "sqs" else receiver) in statement["Resource"]
        and wanted == {"aws:SourceArn": source_arn}
    )


def test_every_name_begins_with_the_stacks(resources: Mapping[str, Any]) -> None:
    for name, resource in resources.items():
        if resource["Type"] not in NAMELESS:
            assert resource["Properties"][NAME_KEYS[resource["Type"]]].startswith("shop-"), name


def test_the_code_and_the_template_use_the_same_names(resources: Mapping[str, Any]) -> None:
    made = {r["Properties"].get(NAME_KEYS.get(r["Type"], "")) for r in resources.values()}
    names = Names("shop")
    assert {names.bus, names.rule, names.rule_dlq, names.order_queue, names.order_dlq, names.order_table} <= made


def test_tables_are_recoverable_and_billed_by_use(resources: Mapping[str, Any]) -> None:
    for name, table in of_type(resources, "AWS::DynamoDB::Table"):
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}, name
        assert table["BillingMode"] == "PAY_PER_REQUEST", name


def test_tables_keep_the_encryption_that_dynamodb_always_has(resources: Mapping[str, Any]) -> None:
    """It cannot be switched off; the property would only move it to a KMS key that is billed per request."""
    for name, table in of_type(resources, "AWS::DynamoDB::Table"):
        assert "SSESpecification" not in table, name


def test_receipts_and_tombstones_expire_and_nothing_else_does(resources: Mapping[str, Any]) -> None:
    lives = {name: table.get("TimeToLiveSpecification") for name, table in of_type(resources, "AWS::DynamoDB::Table")}
    expire = {"AttributeName": "expiresAt", "Enabled": True}
    assert {name: life for name, life in lives.items() if life} == dict.fromkeys(
        ["ReceiptTable", "ProductTable", "CatalogueTable"], expire
    )


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        ("ProductTable", ["id"]),
        ("BasketTable", ["userName"]),
        ("ReceiptTable", ["userName", "idempotencyKey"]),
        ("ProductOutboxTable", ["id"]),
        ("BasketOutboxTable", ["id"]),
        ("CatalogueTable", ["productId"]),
        ("OrderTable", ["userName", "orderId"]),
    ],
)
def test_tables_have_the_keys_the_stores_use(resources: Mapping[str, Any], table: str, keys: list[str]) -> None:
    schema = resources[table]["Properties"]["KeySchema"]
    assert [key["AttributeName"] for key in schema] == keys
    assert [key["KeyType"] for key in schema] == ["HASH", "RANGE"][: len(keys)]


def test_the_indexes_are_by_category_and_by_date(resources: Mapping[str, Any]) -> None:
    [category] = resources["ProductTable"]["Properties"]["GlobalSecondaryIndexes"]
    [date] = resources["OrderTable"]["Properties"]["LocalSecondaryIndexes"]
    assert (category["IndexName"], date["IndexName"]) == ("by-category", "by-date")
    assert [key["AttributeName"] for key in category["KeySchema"]] == ["category", "id"]
    assert [key["AttributeName"] for key in date["KeySchema"]] == ["userName", "orderDate"]


def test_queues_are_encrypted_with_sqs_own_keys(resources: Mapping[str, Any]) -> None:
    for name, queue in of_type(resources, "AWS::SQS::Queue"):
        assert queue["SqsManagedSseEnabled"] is True, name
        assert "KmsMasterKeyId" not in queue, f"{name}: the AWS-managed key locks EventBridge out"


def test_every_queue_that_is_read_has_a_dead_letter_queue(resources: Mapping[str, Any]) -> None:
    letters = {f"{name}.Arn" for name in dead_letter_queues(resources)}
    for name, queue in of_type(resources, "AWS::SQS::Queue"):
        if name not in dead_letter_queues(resources) | LOOKED_AT:
            assert queue["RedrivePolicy"]["deadLetterTargetArn"] in letters, name
            assert queue["RedrivePolicy"]["maxReceiveCount"] == 10
            assert queue["ReceiveMessageWaitTimeSeconds"] == 20
            assert 30 <= queue["VisibilityTimeout"] <= 60, "twice a batch, but not longer than a stopped poll may cost"


def test_a_dead_letter_is_kept_for_14_days_and_so_is_a_waiting_message(resources: Mapping[str, Any]) -> None:
    for name, queue in of_type(resources, "AWS::SQS::Queue"):
        assert queue["MessageRetentionPeriod"] == (1 if name in LOOKED_AT else 14) * 24 * 3600, name


def test_every_rule_target_retries_and_has_a_dead_letter_queue(resources: Mapping[str, Any]) -> None:
    letters = {f"{name}.Arn" for name in dead_letter_queues(resources)}
    for name, rule in of_type(resources, "AWS::Events::Rule"):
        for target in rule["Targets"]:
            assert target["DeadLetterConfig"]["Arn"] in letters, name
            assert set(target["RetryPolicy"]) == {"MaximumEventAgeInSeconds", "MaximumRetryAttempts"}


def test_every_dead_letter_queue_has_an_alarm_for_its_first_message(resources: Mapping[str, Any]) -> None:
    watched = {}
    for _, alarm in of_type(resources, "AWS::CloudWatch::Alarm"):
        [dimension] = alarm["Dimensions"]
        assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
        watched[dimension["Value"].removesuffix(".QueueName")] = alarm["AlarmName"]
    for name in dead_letter_queues(resources):
        queue = resources[name]["Properties"]["QueueName"]
        assert watched[name] == f"{queue}-not-empty"


def test_every_subscription_has_a_dead_letter_queue_and_delivers_the_event_itself(resources: Mapping[str, Any]) -> None:
    letters = {f"{name}.Arn" for name in dead_letter_queues(resources)}
    for name, subscription in of_type(resources, "AWS::SNS::Subscription"):
        assert subscription["RedrivePolicy"]["deadLetterTargetArn"] in letters, name
        assert subscription["RawMessageDelivery"] is True


def test_who_feeds_a_queue_or_a_topic_may_send_to_it_and_nobody_else(resources: Mapping[str, Any]) -> None:
    senders = {
        (service, arn + tail)
        for _, service, arn in feeds(resources)
        for tail in ("", "-2")
    } | {("events.amazonaws.com", RULE.replace("123456789012", "999999999999") + "shop-checkout-basket")}  # fmt: skip
    receivers = [n for n, r in resources.items() if r["Type"] in {"AWS::SQS::Queue", "AWS::SNS::Topic"}]
    allowed = {
        (receiver, service, arn)
        for receiver in receivers
        for service, arn in senders
        if may_send(resources, receiver, service, arn)
    }
    assert allowed == feeds(resources)
    assert len(allowed) == 8


def policies(resources: Mapping[str, Any]) -> list[tuple[str, int]]:
    return [
        (name, number)
        for kind in POLICIES.values()
        for name, policy in of_type(resources, kind)
        for number in range(len(policy["PolicyDocument"]["Statement"]))
    ]


def test_the_policy_evaluator_sees_a_hole_in_each(resources: Mapping[str, Any]) -> None:
    for name, number in policies(resources):
        holed = copy.deepcopy(dict(resources))
        statement = holed[name]["Properties"]["PolicyDocument"]["Statement"][number]
        del statement["Condition"]
        receiver = (holed[name]["Properties"].get("Queues") or holed[name]["Properties"]["Topics"])[-1]
        assert may_send(holed, receiver, statement["Principal"]["Service"], "arn:aws:events:us-east-1:9:rule/evil")


def test_every_receiver_is_permitted_to_before_it_is_sent_to(resources: Mapping[str, Any]) -> None:
    """Without, the events of the first moments would be dropped."""
    for kind in ("AWS::Events::Rule", "AWS::SNS::Subscription"):
        for name in [name for name, resource in resources.items() if resource["Type"] == kind]:
            needed = resources[name]["DependsOn"]
            assert {resources[each]["Type"] for each in ([needed] if isinstance(needed, str) else needed)} <= {
                *POLICIES.values()
            }


def test_only_its_own_queue_may_use_a_dead_letter_queue(resources: Mapping[str, Any]) -> None:
    allowed = {
        name: resources[name]["Properties"]["RedriveAllowPolicy"].get("sourceQueueArns")
        for name in dead_letter_queues(resources)
    }
    queues = "arn:aws:sqs:eu-west-1:123456789012:shop"
    assert {name: arns for name, arns in allowed.items() if arns} == {
        "OrderDeadLetterQueue": [f"{queues}-order"],
        "CatalogueDeadLetterQueue": [f"{queues}-catalogue"],
    }


def test_what_becomes_of_data_is_stated_everywhere(resources: Mapping[str, Any]) -> None:
    for name, resource in resources.items():
        assert {"DeletionPolicy", "UpdateReplacePolicy"} <= set(resource), name
        if resource["Type"] == "AWS::DynamoDB::Table":
            assert resource["UpdateReplacePolicy"] == "Retain", name


@pytest.mark.integration
def test_the_rule_carries_the_golden_event_and_no_other(
    aws: Aws, names: Names, queue_url: Callable[[str], str]
) -> None:
    def publish(source: str, detail_type: str) -> None:
        detail = json.dumps(EVENT["detail"])
        answer = aws.events.put_events(
            Entries=[{"EventBusName": names.bus, "Source": source, "DetailType": detail_type, "Detail": detail}]
        )
        assert answer["FailedEntryCount"] == 0

    publish("com.swn.other", EVENT["detail-type"])
    publish(EVENT["source"], "Other")
    publish(EVENT["source"], EVENT["detail-type"])
    bodies: list[Any] = []
    deadline = time.monotonic() + 10
    while not bodies and time.monotonic() < deadline:
        answer = aws.sqs.receive_message(
            QueueUrl=queue_url(names.order_queue), WaitTimeSeconds=1, MaxNumberOfMessages=10
        )
        bodies += [json.loads(message["Body"]) for message in answer.get("Messages", [])]
    [body] = bodies
    assert body["detail"] == EVENT["detail"]
    assert set(body) == set(EVENT)
