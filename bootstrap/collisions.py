"""Whether a stack would create a name that exists already: MiniStack would empty the table that has it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bootstrap.clock import Clock
from bootstrap.errors import unless_gone
from bootstrap.stack import GONE, Stack

if TYPE_CHECKING:
    from bootstrap.aws import Aws
    from bootstrap.templates import Template

_QUEUE = "AWS::SQS::Queue"


@dataclass(frozen=True)
class Collision:
    """A physical name that exists; `owner` is the stack that made it, if that is one of the shop's."""

    kind: str
    name: str
    owner: str | None

    @property
    def may_be_going(self) -> bool:
        """SQS may show a deleted queue for up to a minute ("DeleteQueue", Amazon SQS API Reference)."""
        return self.kind == _QUEUE and self.owner is None

    def __str__(self) -> str:
        owner = f"belongs to the stack {self.owner}" if self.owner else "was not made by a stack of this shop"
        return f"{self.name} ({self.kind}) exists already and {owner}"


class Collisions:
    """Looks for names in the stacks whose own names begin with the shop's, and in the account."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws
        self._exists: Mapping[str, Callable[[str], object]] = {
            "AWS::CloudWatch::Alarm": lambda n: aws.cloudwatch.describe_alarms(AlarmNames=[n])["MetricAlarms"],
            "AWS::CloudWatch::CompositeAlarm": lambda n: aws.cloudwatch.describe_alarms(
                AlarmNames=[n], AlarmTypes=["CompositeAlarm"]
            )["CompositeAlarms"],
            "AWS::CloudWatch::Dashboard": lambda n: aws.cloudwatch.get_dashboard(DashboardName=n),
            "AWS::DynamoDB::Table": lambda n: aws.dynamodb.describe_table(TableName=n),
            "AWS::Events::EventBus": lambda n: aws.events.describe_event_bus(Name=n),
            "AWS::IAM::Role": lambda n: aws.iam.get_role(RoleName=n),
            "AWS::SNS::Topic": self._topic,
            "AWS::StepFunctions::StateMachine": self._state_machine,
            _QUEUE: lambda n: aws.sqs.get_queue_url(QueueName=n),
        }

    def of(self, template: Template, added: Collection[str]) -> list[Collision]:
        """Those of the resources with the logical ids `added`, which the template's stack is about to create."""
        names, owners = template.physical_names(), dict(self._owners(template.names.shop))
        found = []
        for logical_id in sorted(set(names) & set(added)):
            owner = owners.get(names[logical_id])
            if owner == (template.stack, logical_id):
                continue  # another deployment of the same stack has made it in the meantime
            if owner or self._is_there(template, logical_id):
                found.append(Collision(*names[logical_id], owner=owner[0] if owner else None))
        return found

    def _owners(self, shop: str) -> Iterator[tuple[tuple[str, str], tuple[str, str]]]:
        pages = self._aws.cloudformation.get_paginator("list_stacks").paginate()
        there = {s["StackName"] for page in pages for s in page["StackSummaries"] if s["StackStatus"] != GONE}
        for stack in sorted(name for name in there if name.startswith(shop)):
            for resource in Stack(self._aws.cloudformation, stack, Clock()).resources():
                # Of a URL, an ARN, or "bus|rule", the name is the last part.
                name = re.split(r"[/:|]", resource.get("PhysicalResourceId", ""))[-1]
                yield (resource["ResourceType"], name), (stack, resource["LogicalResourceId"])

    def _is_there(self, template: Template, logical_id: str) -> bool:
        kind, name = template.physical_names()[logical_id]
        rules = {rule.logical_id: rule for rule in template.rules()}
        exists = self._exists.get(kind)
        if rule := rules.get(logical_id):
            return bool(unless_gone(lambda: self._aws.events.describe_rule(Name=rule.name, EventBusName=rule.bus)))
        return bool(exists and unless_gone(lambda: exists(name)))

    def _state_machine(self, name: str) -> bool:
        pages = self._aws.stepfunctions.get_paginator("list_state_machines").paginate()
        return any(machine["name"] == name for page in pages for machine in page["stateMachines"])

    def _topic(self, name: str) -> bool:
        pages = self._aws.sns.get_paginator("list_topics").paginate()
        return any(topic["TopicArn"].endswith(f":{name}") for page in pages for topic in page["Topics"])
