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
    "AWS::SQS::Queue": "QueueName",
}
RULE_ARN = "arn:aws:events:eu-west-1:123456789012:rule/shop-bus/shop-checkout-basket"


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


def may_send(resources: Mapping[str, Any], queue: str, service: str, source_arn: str) -> bool:
    """Whether the queue's policies let a service send on behalf of a source: explicit allows, no denies used."""
    return any(
        admits(statement, queue, service, source_arn)
        for _, policy in of_type(resources, "AWS::SQS::QueuePolicy")
        if queue in policy["Queues"]
        for statement in policy["PolicyDocument"]["Statement"]
    )


def admits(statement: Any, queue: str, service: str, source_arn: str) -> bool:
    principal = statement["Principal"]
    known = set(statement) <= {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}
    assert known, "the evaluator must understand all of it"
    assert set(statement.get("Condition", {})) <= {"ArnEquals"}
    wanted = statement.get("Condition", {}).get("ArnEquals", {"aws:SourceArn": source_arn})
    return (
        statement["Effect"] == "Allow"
        and (principal == "*" or principal.get("Service") in ("*", service))
        and statement["Action"] in ("sqs:SendMessage", "sqs:*", "*")
        and f"{queue}.Arn" in statement["Resource"]
        and wanted == {"aws:SourceArn": source_arn}
    )


def test_every_name_begins_with_the_stacks(resources: Mapping[str, Any]) -> None:
    for name, resource in resources.items():
        if resource["Type"] != "AWS::SQS::QueuePolicy":  # it has no name of its own
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


def test_receipts_expire(resources: Mapping[str, Any]) -> None:
    receipt = resources["ReceiptTable"]["Properties"]
    assert receipt["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        ("ProductTable", ["id"]),
        ("BasketTable", ["userName"]),
        ("ReceiptTable", ["userName", "idempotencyKey"]),
        ("BasketOutboxTable", ["id"]),
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
        if name not in dead_letter_queues(resources):
            assert queue["RedrivePolicy"]["deadLetterTargetArn"] in letters, name
            assert queue["RedrivePolicy"]["maxReceiveCount"] == 10
            assert queue["ReceiveMessageWaitTimeSeconds"] == 20
            assert 30 <= queue["VisibilityTimeout"] <= 60, "twice a batch, but not longer than a stopped poll may cost"


def test_a_dead_letter_is_kept_for_14_days_and_so_is_a_waiting_message(resources: Mapping[str, Any]) -> None:
    for name, queue in of_type(resources, "AWS::SQS::Queue"):
        assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600, name


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


@pytest.mark.parametrize("queue", ["OrderQueue", "CheckoutBasketDeadLetterQueue"])
def test_only_the_rule_may_send(resources: Mapping[str, Any], queue: str) -> None:
    def allowed(service: str, source: str) -> bool:
        return may_send(resources, queue, service, source)

    assert allowed("events.amazonaws.com", RULE_ARN)
    assert not allowed("events.amazonaws.com", RULE_ARN + "-2")
    assert not allowed("events.amazonaws.com", RULE_ARN.replace("123456789012", "999999999999"))
    assert not allowed("sns.amazonaws.com", RULE_ARN)


def test_nobody_outside_may_send_dead_letters_of_orders(resources: Mapping[str, Any]) -> None:
    assert not may_send(resources, "OrderDeadLetterQueue", "events.amazonaws.com", RULE_ARN)


def test_the_policy_evaluator_sees_a_hole(resources: Mapping[str, Any]) -> None:
    holed = copy.deepcopy(dict(resources))
    [statement] = holed["OrderingQueuesPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    del statement["Condition"]
    assert may_send(holed, "OrderQueue", "events.amazonaws.com", "arn:aws:events:us-east-1:999999999999:rule/evil")


def test_the_policy_names_the_rule_that_there_is(resources: Mapping[str, Any]) -> None:
    rule = resources["CheckoutBasketRule"]["Properties"]
    assert RULE_ARN.endswith(f"rule/{resources[rule['EventBusName']]['Properties']['Name']}/{rule['Name']}")


def test_only_the_order_queue_may_use_its_dead_letter_queue(resources: Mapping[str, Any]) -> None:
    allowed = resources["OrderDeadLetterQueue"]["Properties"]["RedriveAllowPolicy"]
    assert allowed["sourceQueueArns"] == ["arn:aws:sqs:eu-west-1:123456789012:shop-order"]


def test_what_becomes_of_data_is_stated_everywhere(resources: Mapping[str, Any]) -> None:
    for name, resource in resources.items():
        assert {"DeletionPolicy", "UpdateReplacePolicy"} <= set(resource), name
        if resource["Type"] == "AWS::DynamoDB::Table":
            assert resource["UpdateReplacePolicy"] == "Retain", name


def test_the_rule_is_written_for_the_golden_event(resources: Mapping[str, Any]) -> None:
    pattern = resources["CheckoutBasketRule"]["Properties"]["EventPattern"]
    assert pattern == {"source": [EVENT["source"]], "detail-type": [EVENT["detail-type"]]}


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
