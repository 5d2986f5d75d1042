"""Alarms notify somebody and watch what is measured. tests/test_docs.py compares them with the runbook."""

import json
import math
import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from bootstrap.manifests import Manifest, Process, manifests
from chassis.core.metrics import NAMESPACE, Kind, Recorder
from docs import functions
from services.ordering.metrics import OPEN_HOUR
from shop.metrics.known import known
from tests import aws_clients, emf
from tests.bootstrap.template import read, resources_of
from tests.environment import ROOT

TOPIC = "arn:aws:sns:eu-west-1:123456789012:shop-alarms"
COMPOSITE = "AWS::CloudWatch::CompositeAlarm"


@pytest.fixture(scope="module")
def resources() -> Mapping[str, Any]:
    return read()


@pytest.fixture(scope="module")
def alarms(resources: Mapping[str, Any]) -> Mapping[str, Any]:
    """The resources of metric alarms by the alarms' names."""
    return {
        resource["Properties"]["AlarmName"].removeprefix("shop-"): resource
        for resource in resources.values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


def own(alarms: Mapping[str, Any]) -> dict[str, Any]:
    """The alarms on metrics that our processes write."""
    return {name: alarm for name, alarm in alarms.items() if alarm["Properties"].get("Namespace") == NAMESPACE}


def deployed() -> list[Process]:
    """The processes of services that have a template."""
    found = [each for each in manifests() if (ROOT / "services" / each.service / "template.yaml").exists()]
    return [process for manifest in found for process in manifest.process]


def test_every_alarm_notifies_the_topic_that_was_given_or_the_platforms(alarms: Mapping[str, Any]) -> None:
    given = ""  # the default of AlarmTopic
    actions = [{"Fn::If": ["HasAlarmTopic", given, TOPIC]}]
    assert {name for name, alarm in alarms.items() if alarm["Properties"].get("AlarmActions") != actions} == set()


def test_alarms_on_our_metrics_name_a_process_and_a_metric_that_it_has(alarms: Mapping[str, Any]) -> None:
    """A name that is misspelled would never fire."""
    for alarm in (each["Properties"] for each in own(alarms).values()):
        metric, _ = known()[alarm["MetricName"]]
        shop, process = alarm["Dimensions"]
        assert shop == {"Name": "Shop", "Value": "shop"}
        assert process["Name"] == "Process"
        assert process["Value"] in {each.name for each in deployed()}
        assert alarm["Statistic"] == {Kind.SUM: "Sum", Kind.HIGHEST: "Maximum"}[metric.kind]


def test_every_process_has_an_alarm_that_fires_when_it_does_not_work(alarms: Mapping[str, Any]) -> None:
    expected = {
        f"{each.name}-{'errors' if each.serve else 'late' if each.name.endswith('-relay') else 'silent'}"
        for each in deployed()
    }
    assert own(alarms).keys() - {"orders-open-five-minutes", "orders-open-hour"} == expected


def test_alarms_that_need_reports_fire_without_them_and_exist_only_where_reports_become_metrics(
    alarms: Mapping[str, Any],
) -> None:
    silent = {name for name in alarms if name.endswith(("-late", "-silent"))}
    assert {name for name, alarm in alarms.items() if alarm["Properties"]["TreatMissingData"] == "breaching"} == silent
    for name in silent:
        alarm = alarms[name]["Properties"]
        assert alarms[name]["Condition"] == "OnAws"
        assert alarm["Period"] == 60
        assert (alarm["MetricName"], alarm["Threshold"], alarm["ComparisonOperator"]) in {
            ("OutboxAge", 60, "GreaterThanThreshold"),
            ("ConsumerLoops", 1, "LessThanThreshold"),
        }


def test_order_that_is_open_for_too_long_fires_within_five_minutes(alarms: Mapping[str, Any]) -> None:
    """The sweep skips an order for two minutes after each attempt, so a shorter period would miss it."""
    for name in ("orders-open-five-minutes", "orders-open-hour"):
        alarm = alarms[name]["Properties"]
        assert (alarm["Threshold"], alarm["Period"], alarm["EvaluationPeriods"]) == (0, 300, 1)


def throttled(alarm: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """What an alarm on several metrics sums: namespace, metric and dimensions."""
    its = alarm["Properties"]
    summed, *metrics = its["Metrics"]
    assert summed["Expression"] == f"SUM([{', '.join(each['Id'] for each in metrics)}])"
    assert [each for each in metrics if each["ReturnData"] or each["MetricStat"]["Stat"] != "Sum"] == []
    assert (its["ComparisonOperator"], its["Threshold"]) == ("GreaterThanThreshold", 10)
    assert {each["MetricStat"]["Period"] for each in metrics} == {300}
    assert (alarm["Condition"], its["TreatMissingData"]) == ("OnAws", "notBreaching")
    found = [each["MetricStat"]["Metric"] for each in metrics]
    assert len(found) <= 10, "no alarm may have more (PutMetricAlarm)"
    return {
        (it["Namespace"], it["MetricName"], " ".join(f"{d['Name']}={d['Value']}" for d in it["Dimensions"]))
        for it in found
    }


def test_throttled_tables_and_indexes_fire_the_alarm_of_their_service(
    alarms: Mapping[str, Any], resources: Mapping[str, Any]
) -> None:
    """An index has metrics of its own ("DynamoDB metrics and dimensions")."""
    tables = [(name, it["Properties"]) for name, it in resources.items() if it["Type"] == "AWS::DynamoDB::Table"]
    expected = {f"TableName={name}" for name, _ in tables} | {
        f"TableName={name} GlobalSecondaryIndexName={index['IndexName']}"
        for name, table in tables
        for index in table.get("GlobalSecondaryIndexes", [])
    }
    watched = [throttled(alarms[f"{name}-throttled"]) for name in ("product", "basket", "ordering", "stock", "payment")]
    assert set().union(*watched) == {
        ("AWS/DynamoDB", metric, its) for metric in ("ReadThrottleEvents", "WriteThrottleEvents") for its in expected
    }
    assert sum(map(len, watched)) == 2 * len(expected) == 28


def test_throttled_sagas_fire_an_alarm(alarms: Mapping[str, Any]) -> None:
    its = alarms["fulfil-order-throttled"]["Properties"]
    assert (its["Namespace"], its["MetricName"], its["Statistic"]) == ("AWS/States", "ExecutionThrottled", "Sum")
    assert its["Dimensions"] == [{"Name": "StateMachineArn", "Value": "FulfilOrder"}]


@pytest.mark.parametrize("manifest", manifests(), ids=lambda it: it.service)
def test_throttled_functions_fire_the_alarm_of_their_service(manifest: Manifest) -> None:
    found = resources_of(functions.FOLDER / f"{manifest.service}.yaml")
    [alarm] = [it for it in found.values() if it["Type"] == "AWS::CloudWatch::Alarm"]
    names = [name for name, it in found.items() if it["Type"] == "AWS::Lambda::Function"]
    assert throttled(alarm) == {("AWS/Lambda", "Throttles", f"FunctionName={name}") for name in names}
    assert len(names) == len(manifest.process)
    assert alarm["Properties"]["AlarmName"] == f"shop-{manifest.service}-functions-throttled"
    assert alarm["Properties"]["AlarmActions"] == [{"Fn::If": ["HasAlarmTopic", "", TOPIC]}]


def test_composite_alarm_of_a_service_covers_all_of_its_alarms_and_exists_on_aws_alone() -> None:
    for manifest in manifests():
        path = ROOT / "services" / manifest.service / "template.yaml"
        if path.exists():
            text = path.read_text()
            alarms = re.findall(r"^  (\w+):\n    Type: AWS::CloudWatch::Alarm$", text, re.MULTILINE)
            [(condition, rule)] = re.findall(
                rf"Type: {COMPOSITE}\n    Condition: (\w+)\n(?:.*\n)*?      AlarmRule: !Sub >-\n((?:        .*\n)+)",
                text,
            )
            assert condition == "OnAws"
            assert rule.split() == " OR ".join(f'ALARM("${{{name}}}")' for name in alarms).split()


@pytest.mark.integration
@pytest.mark.ministack
def test_alarm_on_a_metric_of_ours_fires_and_arrives(stack: Mapping[str, str]) -> None:
    """From the line that the process writes. MiniStack evaluates at once, LocalStack at the end of a period."""
    sqs, sns = aws_clients.client("sqs"), aws_clients.client("sns")
    url = sqs.create_queue(QueueName="on-call")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    [topic] = [each["TopicArn"] for each in sns.list_topics()["Topics"] if each["TopicArn"].endswith(":shop-alarms")]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    report = reporting()
    report(0)
    assert arrived(sqs, url, 0) == []
    report(1)
    assert arrived(sqs, url, 1) == [("shop-orders-open-hour", "ALARM")]


def reporting() -> Callable[[int], None]:
    """Puts what ordering-commands writes about so many late orders."""
    lines: list[str] = []
    recorder = Recorder("shop", "ordering-commands", math.inf, lines.append, time.monotonic)

    def report(orders: int) -> None:
        recorder.record(OPEN_HOUR, orders)
        recorder.report()
        emf.put(aws_clients.client("cloudwatch"), lines.pop())

    return report


def arrived(sqs: Any, url: str, wait: int) -> list[tuple[str, str]]:
    messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=wait).get("Messages", [])
    alarms = [json.loads(json.loads(message["Body"])["Message"]) for message in messages]
    return [(alarm["AlarmName"], alarm["NewStateValue"]) for alarm in alarms]
