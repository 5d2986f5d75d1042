"""Whether every resource is really there: CloudFormation only knows what it once made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from bootstrap.aws import Aws
from bootstrap.deadletters import endpoint
from bootstrap.errors import Failed, gone
from bootstrap.names import Names
from bootstrap.policies import admits, service

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef
    from mypy_boto3_sqs.literals import QueueAttributeNameType

# Answers None if all is well, else what is wrong.
Check = Callable[[str], str | None]
_KINDS = {"events": "rule", "sns": "topic", "sqs": "queue"}


class Inventory:
    """Looks at each resource through its own service."""

    def __init__(self, aws: Aws, names: Names) -> None:
        self._aws = aws
        self._names = names
        self._checks: Mapping[str, Check] = {
            "AWS::CloudWatch::Alarm": self._alarm,
            "AWS::DynamoDB::Table": self._table,
            "AWS::Events::EventBus": self._bus,
            "AWS::Events::Rule": self._rule,
            "AWS::SNS::Subscription": self._subscription,
            "AWS::SNS::Topic": self._topic,
            "AWS::SNS::TopicPolicy": _seen_from_its_sender,
            "AWS::SQS::Queue": self._queue,
            "AWS::SQS::QueuePolicy": _seen_from_its_sender,
        }

    def faults(self, resources: list[StackResourceSummaryTypeDef]) -> list[str]:
        """What is wrong, a line each; a type nobody has written a check for is a fault as well."""
        found = [(resource, self._fault(resource)) for resource in resources]
        return [f"{r['LogicalResourceId']} ({r['ResourceType']}): {fault}" for r, fault in found if fault]

    def _fault(self, resource: StackResourceSummaryTypeDef) -> str | None:
        check = self._checks.get(resource["ResourceType"])
        if check is None:
            return "doctor cannot check this type yet: teach it in bootstrap/inventory.py"
        identity = resource.get("PhysicalResourceId", "")
        try:
            return check(identity)
        except ClientError as error:
            if gone(error):
                return f"{identity} is gone"
            raise
        except Failed as error:
            return str(error)

    def _table(self, name: str) -> str | None:
        status = self._aws.dynamodb.describe_table(TableName=name)["Table"]["TableStatus"]
        return None if status in ("ACTIVE", "UPDATING") else f"{name} is {status}"

    def _queue(self, url: str) -> str | None:
        self._attribute(url, "QueueArn")
        return None

    def _bus(self, name: str) -> str | None:
        self._aws.events.describe_event_bus(Name=name)
        return None

    def _rule(self, identity: str) -> str | None:
        # AWS and LocalStack say "bus|rule", MiniStack only the rule.
        rule = identity.rpartition("|")[2]
        found = self._aws.events.describe_rule(Name=rule, EventBusName=self._names.bus)
        targets = self._aws.events.list_targets_by_rule(Rule=rule, EventBusName=self._names.bus)["Targets"]
        if found.get("State") != "ENABLED":
            return f"{rule} is switched off: `aws events enable-rule` switches it on"
        if not targets:
            return f"{rule} has lost its target"
        dead = [target.get("DeadLetterConfig", {}).get("Arn") for target in targets]
        return self._undeliverable(found["Arn"], [*(target["Arn"] for target in targets), *dead])

    def _topic(self, arn: str) -> str | None:
        self._aws.sns.get_topic_attributes(TopicArn=arn)
        return None

    def _subscription(self, arn: str) -> str | None:
        attributes = self._aws.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        dead = json.loads(attributes.get("RedrivePolicy") or "{}").get("deadLetterTargetArn")
        return self._undeliverable(arn.rpartition(":")[0], [endpoint(self._aws, arn), dead])

    def _undeliverable(self, sender: str, receivers: list[str | None]) -> str | None:
        """What its messages cannot reach, or are not admitted to: they would be dropped in silence."""
        faults = {self._missed(sender, receiver) for receiver in receivers}
        return ", ".join(sorted(fault for fault in faults if fault)) or None

    def _missed(self, sender: str, receiver: str | None) -> str | None:
        if receiver is None:
            return f"{_named(sender)} has lost its dead-letter queue"
        if service(receiver) not in _KINDS:
            return f"doctor cannot check yet who may send to {receiver}: teach it in bootstrap/policies.py"
        try:
            policy = self._policy(receiver)
        except ClientError as error:
            if gone(error):
                return f"{_named(receiver)}, which {_named(sender)} sends to, is gone"
            raise
        return None if admits(policy, receiver, sender) else f"{_named(receiver)} does not admit {_named(sender)}"

    def _policy(self, arn: str) -> str | None:
        if service(arn) == "sns":
            return self._aws.sns.get_topic_attributes(TopicArn=arn)["Attributes"].get("Policy")
        return self._attribute(self._aws.sqs.get_queue_url(QueueName=_last(arn))["QueueUrl"], "Policy")

    def _alarm(self, name: str) -> str | None:
        found = self._aws.cloudwatch.describe_alarms(AlarmNames=[name])
        return None if found["MetricAlarms"] else f"{name} is gone"

    def _attribute(self, url: str, name: QueueAttributeNameType) -> str | None:
        answer = self._aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return answer.get("Attributes", {}).get(name)


def _seen_from_its_sender(_: str) -> None:
    """A policy's own identity leads nowhere; whoever needs it is checked against what the receiver says."""


def _named(arn: str) -> str:
    """With its kind, for a topic, its queue and its rule may have one name."""
    return f"{_KINDS[service(arn)]} {_last(arn)}"


def _last(arn: str) -> str:
    return arn.rpartition(":")[2].rpartition("/")[2]
