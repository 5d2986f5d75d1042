"""Whether every resource of a stack exists and works. CloudFormation only knows what it once created."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from bootstrap.aws import Aws
from bootstrap.errors import Failed, gone
from bootstrap.rules import locate
from shop.dlq.queues import subscriber
from shop.doctor.findings import Finding, bad, not_checked
from shop.doctor.policies import admits, service
from shop.doctor.sent import by_state_machine

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef

ALARMS = "-alarms"  # the end of the name of the topic that gets the alarms
_KINDS = {"events": "rule", "iam": "role", "sns": "topic", "sqs": "queue"}


class NotCheckedError(Exception):
    """Doctor has no check for this. The text says for what."""


class Resources:
    """Asks the service of each resource. `advice` says how to create missing ones again."""

    def __init__(self, aws: Aws, bus: str, advice: str) -> None:
        self._aws = aws
        self._bus = bus
        self._advice = advice
        # Each returns None if all is well, else what is wrong.
        self._checks: Mapping[str, Callable[[str], str | None]] = {
            "AWS::CloudWatch::Alarm": self._alarm,
            "AWS::CloudWatch::CompositeAlarm": self._alarm,
            "AWS::CloudWatch::Dashboard": lambda name: _exists(aws.cloudwatch.get_dashboard(DashboardName=name)),
            "AWS::DynamoDB::Table": self._table,
            "AWS::Events::EventBus": lambda name: _exists(aws.events.describe_event_bus(Name=name)),
            "AWS::Events::Rule": self._rule,
            "AWS::IAM::Role": lambda name: _exists(aws.iam.get_role(RoleName=name)),
            "AWS::SNS::Subscription": self._subscription,
            "AWS::SNS::Topic": lambda arn: _exists(aws.sns.get_topic_attributes(TopicArn=arn)),
            "AWS::SQS::Queue": lambda url: _exists(aws.sqs.get_queue_attributes(QueueUrl=url)),
            "AWS::StepFunctions::StateMachine": self._state_machine,
            # The check of a sender includes the policies of its receivers.
            "AWS::SNS::TopicPolicy": _exists,
            "AWS::SQS::QueuePolicy": _exists,
        }

    def findings(self, resources: list[StackResourceSummaryTypeDef]) -> Iterator[Finding]:
        """One for each resource that is not well or cannot be checked."""
        for resource in resources:
            name = f"{resource['LogicalResourceId']} ({resource['ResourceType']})"
            try:
                if fault := self._fault(resource):
                    yield bad("resources", f"{name}: {fault}", self._advice)
            except NotCheckedError as error:
                yield not_checked("resources", f"{name}{error}")

    def _fault(self, resource: StackResourceSummaryTypeDef) -> str | None:
        identity = resource.get("PhysicalResourceId", "")
        if resource["ResourceType"] not in self._checks:
            raise NotCheckedError("")
        try:
            return self._checks[resource["ResourceType"]](identity)
        except ClientError as error:
            if gone(error):
                return f"{identity} is gone"
            raise
        except Failed as error:
            return str(error)

    def _table(self, name: str) -> str | None:
        status = self._aws.dynamodb.describe_table(TableName=name)["Table"]["TableStatus"]
        return None if status in ("ACTIVE", "UPDATING") else f"{name} is {status}"

    def _alarm(self, name: str) -> str | None:
        found = self._aws.cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        return None if found["MetricAlarms"] or found.get("CompositeAlarms") else f"{name} is gone"

    def _rule(self, identity: str) -> str | None:
        bus, rule = locate(self._aws, identity, self._bus)
        found = self._aws.events.describe_rule(Name=rule, EventBusName=bus)
        targets = self._aws.events.list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]
        if found.get("State") != "ENABLED":
            return f"{rule} is disabled: `aws events enable-rule` enables it"
        if not targets:
            return f"{rule} has lost its target"
        dead = [target.get("DeadLetterConfig", {}).get("Arn") for target in targets]
        return self._unreachable(found["Arn"], [*(target["Arn"] for target in targets), *dead])

    def _state_machine(self, arn: str) -> str | None:
        found = self._aws.stepfunctions.describe_state_machine(stateMachineArn=arn)
        if found.get("status") != "ACTIVE":
            return f"{_last(arn)} is {found.get('status')}"
        queues = {sent.queue for sent in by_state_machine(self._aws, arn)}
        _, partition, _, region, account, *_ = arn.split(":")
        return self._unreachable(found["roleArn"], [f"arn:{partition}:sqs:{region}:{account}:{q}" for q in queues])

    def _subscription(self, arn: str) -> str | None:
        attributes = self._aws.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        dead = json.loads(attributes.get("RedrivePolicy") or "{}").get("deadLetterTargetArn")
        endpoint = subscriber(self._aws, arn, attributes)
        topic = arn.rpartition(":")[0]
        queues = [endpoint] if service(endpoint) else []
        needed = [] if topic.endswith(ALARMS) else [dead]  # an alarm that arrives days later is worthless
        fault = self._unreachable(topic, [*queues, *needed])
        if attributes.get("PendingConfirmation") == "true" and not fault:
            raise NotCheckedError(f": {endpoint} has not confirmed it yet")
        return fault

    def _unreachable(self, sender: str, receivers: list[str | None]) -> str | None:
        """Receivers that do not exist or do not admit `sender`, so that its messages would be dropped silently."""
        unknown = {receiver for receiver in receivers if receiver and service(receiver) not in ("sqs", "sns")}
        faults = {self._fault_of(sender, receiver) for receiver in {*receivers} - unknown} - {None}
        if unknown and not faults:
            raise NotCheckedError(f": who may send to {', '.join(sorted(unknown))}")
        return ", ".join(sorted(map(str, faults))) or None

    def _fault_of(self, sender: str, receiver: str | None) -> str | None:
        if receiver is None:
            return f"{_named(sender)} has lost its dead-letter queue"
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
        url = self._aws.sqs.get_queue_url(QueueName=_last(arn))["QueueUrl"]
        answer = self._aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
        return answer.get("Attributes", {}).get("Policy")


def _exists(_: object) -> None:
    """An answer is enough: of what does not exist, AWS answers an error."""


def _named(arn: str) -> str:
    """With its kind, because a topic, its queue and its rule may have the same name."""
    return f"{_KINDS[service(arn)]} {_last(arn)}"


def _last(arn: str) -> str:
    return arn.rpartition(":")[2].rpartition("/")[2]
