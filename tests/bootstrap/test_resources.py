"""What no emulator enforces is read from all templates: encryption, dead-letter queues, alarms, names."""

import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cfnlint import decode

from bootstrap.aws import Aws
from bootstrap.names import PLATFORM, Names
from bootstrap.settings import MOST_DAYS
from bootstrap.templates import Template, load
from services.basket.catalogue import TOMBSTONE_LIFETIME
from services.stock.models import RELEASED_LIFETIME
from tests.bootstrap.template import dead_letter_queues, of_type, read, resources_of

ROOT = Path(__file__).parents[2]
TEMPLATES = load(Names("shop"))
EVENT = json.loads((ROOT / "tests" / "events" / "checkout_basket.json").read_text())
NAME_KEYS = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::CompositeAlarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::Archive": "ArchiveName",
    "AWS::Events::EventBus": "Name",
    "AWS::Events::Rule": "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
}
LONGEST_NAMES = {
    "AWS::Events::Archive": 48,
    "AWS::Events::Rule": 64,
    "AWS::IAM::Role": 64,
    "AWS::SQS::Queue": 80,
    "AWS::StepFunctions::StateMachine": 80,
}
NAMELESS = {"AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::SNS::Subscription"}
DAY = 24 * 3600
# Queues without a consumer, and how many seconds they keep messages: examples of subscribers, and doctor's answers.
WITHOUT_CONSUMER = {"PriceDropsQueue": DAY, "NotificationsQueue": DAY, "DoctorQueue": 300}
# A tick is worthless after two minutes.
SHORT_LIVED = WITHOUT_CONSUMER | {"SweepOrdersDeadLetterQueue": 3600}


@pytest.fixture(scope="module")
def resources() -> Mapping[str, Any]:
    return read()


def test_every_name_begins_with_the_shops(resources: Mapping[str, Any]) -> None:
    for name, resource in resources.items():
        if resource["Type"] not in NAMELESS:
            assert resource["Properties"][NAME_KEYS[resource["Type"]]].startswith("shop-"), name


def test_names_of_the_shop_with_the_longest_name_are_not_too_long_for_aws() -> None:
    for name, resource in read(Names("s" * 40).shop).items():
        if resource["Type"] not in NAMELESS:
            longest = LONGEST_NAMES.get(resource["Type"], 255)
            assert len(resource["Properties"][NAME_KEYS[resource["Type"]]]) <= longest, name


def test_the_code_and_the_templates_use_the_same_names(resources: Mapping[str, Any]) -> None:
    made = {r["Properties"].get(NAME_KEYS.get(r["Type"], "")) for r in resources.values()}
    names = Names("shop")
    assert {names.bus, names.doctor_queue} <= made


def test_tables_are_billed_by_use_and_can_be_protected(resources: Mapping[str, Any]) -> None:
    for name, table in of_type(resources, "AWS::DynamoDB::Table"):
        assert table["BillingMode"] == "PAY_PER_REQUEST", name
        assert table["DeletionProtectionEnabled"] == {"Fn::If": ["IsProtected", True, False]}, name


def test_what_is_lost_with_a_table_can_be_restored_and_what_must_not_come_back_cannot(
    resources: Mapping[str, Any],
) -> None:
    """A restored outbox would publish again, old receipts would answer for orders, and the catalogue is a copy."""
    recoverable = {
        name: table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        for name, table in of_type(resources, "AWS::DynamoDB::Table")
    }
    never = {"ProductOutboxTable", "BasketOutboxTable", "OrderOutboxTable", "ReceiptTable", "CatalogueTable"}
    assert {name for name, is_recoverable in recoverable.items() if not is_recoverable} == never


def test_tables_keep_the_encryption_that_dynamodb_always_has(resources: Mapping[str, Any]) -> None:
    """It cannot be switched off; the property would only move it to a KMS key that is billed per request."""
    for name, table in of_type(resources, "AWS::DynamoDB::Table"):
        assert "SSESpecification" not in table, name


def test_receipts_and_tombstones_expire_and_nothing_else_does(resources: Mapping[str, Any]) -> None:
    lives = {name: table.get("TimeToLiveSpecification") for name, table in of_type(resources, "AWS::DynamoDB::Table")}
    expire = {"AttributeName": "expiresAt", "Enabled": True}
    assert {name: life for name, life in lives.items() if life} == dict.fromkeys(
        ["ReceiptTable", "ProductTable", "CatalogueTable", "ReservationTable"], expire
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
        ("OrderOutboxTable", ["id"]),
        ("PaymentTable", ["userName", "orderId"]),
        ("PaymentLedgerTable", ["idempotencyKey"]),
        ("StockTable", ["productId"]),
        ("ReservationTable", ["orderId"]),
    ],
)
def test_tables_have_the_keys_the_stores_use(resources: Mapping[str, Any], table: str, keys: list[str]) -> None:
    schema = resources[table]["Properties"]["KeySchema"]
    assert [key["AttributeName"] for key in schema] == keys
    assert [key["KeyType"] for key in schema] == ["HASH", "RANGE"][: len(keys)]


def test_products_are_indexed_by_category_and_open_orders_by_their_last_attempt(resources: Mapping[str, Any]) -> None:
    tables = dict(of_type(resources, "AWS::DynamoDB::Table"))
    indexes = {
        (name, index["IndexName"]): [key["AttributeName"] for key in index["KeySchema"]]
        for name, table in tables.items()
        for index in table.get("GlobalSecondaryIndexes", [])
    }
    assert indexes == {
        ("ProductTable", "by-category"): ["category", "id"],
        ("OrderTable", "open"): ["openShard", "attemptedAt"],
    }
    assert [name for name, table in tables.items() if "LocalSecondaryIndexes" in table] == []


def test_queues_are_encrypted_with_sqs_own_keys(resources: Mapping[str, Any]) -> None:
    for name, queue in of_type(resources, "AWS::SQS::Queue"):
        assert queue["SqsManagedSseEnabled"] is True, name
        assert "KmsMasterKeyId" not in queue, f"{name}: the AWS-managed key locks EventBridge out"


def test_every_queue_that_is_read_has_a_dead_letter_queue(resources: Mapping[str, Any]) -> None:
    letters = {f"{name}.Arn" for name in dead_letter_queues(resources)}
    for name, queue in of_type(resources, "AWS::SQS::Queue"):
        if name not in dead_letter_queues(resources) | WITHOUT_CONSUMER.keys():
            assert queue["RedrivePolicy"]["deadLetterTargetArn"] in letters, name
            assert queue["RedrivePolicy"]["maxReceiveCount"] == 10
            assert queue["ReceiveMessageWaitTimeSeconds"] == 20
            assert 30 <= queue["VisibilityTimeout"] <= 60, "twice a batch, but not longer than a stopped poll may cost"


def test_a_dead_letter_is_kept_for_14_days_and_so_is_a_waiting_message(resources: Mapping[str, Any]) -> None:
    for name, queue in of_type(resources, "AWS::SQS::Queue"):
        assert queue["MessageRetentionPeriod"] == SHORT_LIVED.get(name, 14 * DAY), name


def test_every_rule_is_switched_on_and_is_on_the_shops_bus_or_has_a_schedule(resources: Mapping[str, Any]) -> None:
    for name, rule in of_type(resources, "AWS::Events::Rule"):
        assert rule["State"] == "ENABLED", name
        # EventBridge takes schedules on the default bus only.
        assert rule.get("EventBusName") == (None if "ScheduleExpression" in rule else "shop-bus"), name


def test_every_rule_target_retries_and_has_a_dead_letter_queue(resources: Mapping[str, Any]) -> None:
    letters = {f"{name}.Arn" for name in dead_letter_queues(resources)}
    for name, rule in of_type(resources, "AWS::Events::Rule"):
        for target in rule["Targets"]:
            assert target["DeadLetterConfig"]["Arn"] in letters, name
            seconds = 120 if "ScheduleExpression" in rule else DAY  # EventBridge's most
            assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": seconds, "MaximumRetryAttempts": 185}, name


def alarms(resources: Mapping[str, Any], metric: str) -> list[Any]:
    return [alarm for _, alarm in of_type(resources, "AWS::CloudWatch::Alarm") if alarm.get("MetricName") == metric]


def test_every_queue_that_a_consumer_reads_has_an_alarm_for_messages_that_wait(resources: Mapping[str, Any]) -> None:
    """SQS deletes messages after their retention without a warning, so the alarm must come earlier."""
    watched = {alarm["Dimensions"][0]["Value"]: alarm for alarm in alarms(resources, "ApproximateAgeOfOldestMessage")}
    unread = dead_letter_queues(resources) | WITHOUT_CONSUMER.keys()
    consumed = {f"{name}.QueueName" for name, _ in of_type(resources, "AWS::SQS::Queue") if name not in unread}
    assert watched.keys() == consumed >= {"OrderQueue.QueueName", "CatalogueQueue.QueueName"}
    for alarm in watched.values():
        assert (alarm["Namespace"], alarm["Statistic"], alarm["Period"]) == ("AWS/SQS", "Maximum", 60)
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 900)


def test_archive_keeps_all_events_but_test_messages_on_aws_and_is_off_by_default(resources: Mapping[str, Any]) -> None:
    """For fewer days than consumers know what they have handled. MiniStack refuses the type."""
    [(_, archive)] = of_type(resources, "AWS::Events::Archive")
    sources = {rule.pattern["source"][0] for each in TEMPLATES for rule in each.rules() if rule.pattern}
    assert all(source.startswith(archive["EventPattern"]["source"][0]["prefix"]) for source in sources)
    assert archive["EventPattern"]["detail"] == {"metadata": {"test": [{"exists": False}]}}
    assert (archive["SourceArn"], archive["RetentionDays"]) == ("Bus.Arn", "0")
    assert resources["EventArchive"]["Condition"] == "KeepsEvents"
    days = decode.decode(str(TEMPLATES[0].path))[0]["Parameters"]["ArchiveDays"]
    assert days["MaxValue"] == MOST_DAYS < min(TOMBSTONE_LIFETIME, RELEASED_LIFETIME).days


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.service)
def test_a_template_is_ascii(template: Template) -> None:
    """GetTemplate returns any other character as a question mark, and doctor would see a change."""
    assert template.text.isascii()


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.service)
def test_a_template_takes_the_shops_name_and_needs_no_export_of_another(template: Template) -> None:
    found = decode.decode(str(template.path))[0]
    pattern = "[A-Za-z][A-Za-z0-9-]{0,39}"
    assert found["Parameters"]["Shop"].items() >= {"Default": "shopwire", "AllowedPattern": pattern}.items()
    assert "${AWS::StackName}" not in template.text
    assert "ImportValue" not in template.text
    assert "Export:" not in template.text


def test_no_two_templates_use_one_name() -> None:
    names = [name for template in TEMPLATES for name in template.physical_names().values()]
    assert len(names) == len(set(names)) >= 37


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.service)
def test_a_rule_lives_with_its_consumer(template: Template) -> None:
    """Its targets are resources of the same template."""
    own = resources_of(template.path)
    rules = [rule["Properties"] for rule in own.values() if rule["Type"] == "AWS::Events::Rule"]
    assert {target["Arn"].removesuffix(".Arn") for rule in rules for target in rule["Targets"]} <= own.keys()
    assert template.service != PLATFORM or not rules


def test_the_state_machine_may_send_to_the_queues_that_it_names_and_do_nothing_else(
    resources: Mapping[str, Any],
) -> None:
    [(_, role)] = of_type(resources, "AWS::IAM::Role")
    [(_, machine)] = of_type(resources, "AWS::StepFunctions::StateMachine")
    url = r'"QueueUrl": "https://sqs\.eu-west-1\.amazonaws\.com/123456789012/(.+)"'
    named = set(re.findall(url, machine["DefinitionString"]))
    [policy] = role["Policies"]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "sqs:SendMessage")
    allowed = {_named(resources, arn) for arn in statement["Resource"]}
    assert allowed == named == {"shop-stock", "shop-payment", "shop-order-commands"}
    assert "ManagedPolicyArns" not in role


def _named(resources: Mapping[str, Any], arn: str) -> str:
    if arn.startswith("arn:aws:sqs:eu-west-1:123456789012:"):
        return arn.rpartition(":")[2]
    return str(resources[arn.removesuffix(".Arn")]["Properties"]["QueueName"])


def test_only_the_shops_state_machine_may_take_its_role(resources: Mapping[str, Any]) -> None:
    [(_, role)] = of_type(resources, "AWS::IAM::Role")
    [statement] = role["AssumeRolePolicyDocument"]["Statement"]
    arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:shop-fulfil-order"
    assert statement["Principal"] == {"Service": "states.amazonaws.com"}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnEquals": {"aws:SourceArn": arn},
    }


def test_a_topic_gets_no_test_messages(resources: Mapping[str, Any]) -> None:
    """Its subscribers are people and services that know nothing of `shop doctor`."""
    for name, rule in of_type(resources, "AWS::Events::Rule"):
        if any(
            resources[target["Arn"].removesuffix(".Arn")]["Type"] == "AWS::SNS::Topic" for target in rule["Targets"]
        ):
            assert rule["EventPattern"]["detail"]["metadata"]["test"] == [{"exists": False}], name


def test_every_dead_letter_queue_has_an_alarm_for_its_first_message(resources: Mapping[str, Any]) -> None:
    watched = {}
    for alarm in alarms(resources, "ApproximateNumberOfMessagesVisible"):
        [dimension] = alarm["Dimensions"]
        assert (alarm["Namespace"], alarm["ComparisonOperator"], alarm["Threshold"]) == (
            "AWS/SQS", "GreaterThanThreshold", 0,
        )  # fmt: skip
        assert (alarm["Statistic"], alarm["Period"], alarm["EvaluationPeriods"]) == ("Maximum", 60, 1)
        assert alarm["TreatMissingData"] == "notBreaching"
        watched[dimension["Value"].removesuffix(".QueueName")] = alarm["AlarmName"]
    for name in dead_letter_queues(resources):
        queue = resources[name]["Properties"]["QueueName"]
        assert watched[name] == f"{queue}-not-empty"


def test_every_rule_has_an_alarm_for_an_event_that_even_its_dead_letter_queue_did_not_take(
    resources: Mapping[str, Any],
) -> None:
    """Dimensions: "Monitoring Amazon EventBridge"; a rule of a bus of one's own is found by both."""
    watched = set()
    for alarm in alarms(resources, "InvocationsFailedToBeSentToDlq"):
        *bus, rule = alarm["Dimensions"]
        on_the_default_bus = rule["Value"] == "shop-sweep-orders"
        assert bus == ([] if on_the_default_bus else [{"Name": "EventBusName", "Value": "shop-bus"}])
        assert rule["Name"] == "RuleName"
        assert (alarm["Namespace"], alarm["Statistic"], alarm["Period"]) == ("AWS/Events", "Sum", 60)
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmName"] == f"{rule['Value']}-lost"
        watched.add(rule["Value"])
    assert watched == {rule["Name"] for _, rule in of_type(resources, "AWS::Events::Rule")}


def test_every_subscription_has_a_dead_letter_queue_and_delivers_the_text_itself(resources: Mapping[str, Any]) -> None:
    letters = {f"{name}.Arn" for name in dead_letter_queues(resources)}
    for name, subscription in of_type(resources, "AWS::SNS::Subscription"):
        if name == "AlarmsMailbox":  # an alarm that arrives days later is worthless
            continue
        assert subscription["RedrivePolicy"]["deadLetterTargetArn"] in letters, name
        # SNS sends the text as it is to a mailbox, and knows no raw delivery there.
        assert subscription["Protocol"] == "email" or subscription["RawMessageDelivery"] is True, name


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
    deadline = time.monotonic() + 60
    while not bodies and time.monotonic() < deadline:
        answer = aws.sqs.receive_message(QueueUrl=queue_url("shop-order"), WaitTimeSeconds=1, MaxNumberOfMessages=10)
        bodies += [json.loads(message["Body"]) for message in answer.get("Messages", [])]
    [body] = bodies
    assert body["detail"] == EVENT["detail"]
    assert set(body) == set(EVENT)
