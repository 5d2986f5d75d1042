"""Deletes resources that remain after a stack was deleted. LocalStack loses track of some after a failed update."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from bootstrap.errors import unless_gone
from bootstrap.rules import locate

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef

    from bootstrap.aws import Aws


class Remains:
    """Deletes what CloudFormation should have deleted. For emulators only, because AWS leaves nothing."""

    def __init__(self, aws: Aws, bus: str) -> None:
        self._aws = aws
        self._bus = bus
        self._remove: Mapping[str, Callable[[str], object]] = {
            "AWS::CloudWatch::Alarm": lambda name: aws.cloudwatch.delete_alarms(AlarmNames=[name]),
            "AWS::DynamoDB::Table": lambda name: aws.dynamodb.delete_table(TableName=name),
            "AWS::Events::EventBus": lambda name: aws.events.delete_event_bus(Name=name),
            "AWS::Events::Rule": self._remove_rule,
            "AWS::IAM::Role": self._remove_role,
            "AWS::SNS::Subscription": lambda arn: aws.sns.unsubscribe(SubscriptionArn=arn),
            "AWS::SNS::Topic": lambda arn: aws.sns.delete_topic(TopicArn=arn),
            "AWS::SQS::Queue": lambda url: aws.sqs.delete_queue(QueueUrl=url),
            "AWS::StepFunctions::StateMachine": lambda arn: aws.stepfunctions.delete_state_machine(stateMachineArn=arn),
        }

    def clear(self, resources: list[StackResourceSummaryTypeDef]) -> None:
        """Deletes all of them. A resource that is gone already is no error. Rules are deleted before their bus."""
        for resource in sorted(resources, key=lambda r: r["ResourceType"], reverse=True):
            remove = self._remove.get(resource["ResourceType"])
            identity = resource.get("PhysicalResourceId")
            if remove and identity:
                unless_gone(partial(remove, identity))

    def _remove_rule(self, identity: str) -> None:
        (bus, rule), events = locate(self._aws, identity, self._bus), self._aws.events
        targets = events.list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]
        if targets:
            ids = [target["Id"] for target in targets]
            events.remove_targets(Rule=rule, EventBusName=bus, Ids=ids)
        events.delete_rule(Name=rule, EventBusName=bus)

    def _remove_role(self, name: str) -> None:
        """IAM deletes no role that has policies."""
        iam = self._aws.iam
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)
