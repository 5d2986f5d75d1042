"""What `status` shows of a stack: its resources and outputs, its alarms, and what waits in its queues."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from bootstrap.aws import Aws
from bootstrap.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef, StackTypeDef

_QUEUE = "AWS::SQS::Queue"
_ALARM = "AWS::CloudWatch::Alarm"


def overview(aws: Aws, stack: Stack, found: StackTypeDef) -> Iterator[str]:
    """Lines of text, section by section."""
    resources = stack.resources()
    yield f"{found['StackName']}: {found['StackStatus']} at {aws.where}"
    yield from _section("resources", _resource_rows(resources))
    yield from _section("queues", (_depth(aws, r) for r in resources if r["ResourceType"] == _QUEUE))
    yield from _section("alarms", _alarm_rows(aws, resources))
    yield from _section("outputs", ((o["OutputKey"], o["OutputValue"]) for o in found.get("Outputs", [])))


def _section(title: str, rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    table = list(rows)
    if not table:
        return
    yield f"\n{title}"
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  " + "  ".join(cells).rstrip()


def _resource_rows(resources: list[StackResourceSummaryTypeDef]) -> Iterator[tuple[str, ...]]:
    for resource in sorted(resources, key=lambda r: (r["ResourceType"], r["LogicalResourceId"])):
        # Of a URL, and of an ARN, only what is not the account's and the region's.
        name = resource.get("PhysicalResourceId", "").rpartition("/")[2].split(":", 5)[-1]
        yield resource["ResourceType"], name, resource["ResourceStatus"]


def _depth(aws: Aws, resource: StackResourceSummaryTypeDef) -> tuple[str, ...]:
    url = resource.get("PhysicalResourceId", "")
    name = url.rpartition("/")[2]
    try:
        answer = aws.sqs.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )
    except ClientError:
        return name, "gone: `doctor` says more"
    found = answer["Attributes"]
    waiting, in_flight = found["ApproximateNumberOfMessages"], found["ApproximateNumberOfMessagesNotVisible"]
    return name, f"{waiting} waiting, {in_flight} in flight"


def _alarm_rows(aws: Aws, resources: list[StackResourceSummaryTypeDef]) -> Iterator[tuple[str, ...]]:
    names = [r.get("PhysicalResourceId", "") for r in resources if r["ResourceType"] == _ALARM]
    if names:
        for alarm in aws.cloudwatch.describe_alarms(AlarmNames=names)["MetricAlarms"]:
            yield alarm["AlarmName"], alarm.get("StateValue", "unknown")
