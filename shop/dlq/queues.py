"""The dead-letter queues of a shop, and the queue or topic for which the messages of each were meant."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from bootstrap.aws import Aws
from bootstrap.errors import Failed, gone
from bootstrap.rules import locate
from shop.dlq.dead_letter import DeadLetter
from shop.output import command

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef
    from mypy_boto3_events.type_defs import TargetOutputTypeDef

# With one of these a target gets another text than the event. The rule's dead-letter queue has only the event.
_REWRITES = ("Input", "InputPath", "InputTransformer")
# The ARNs of a dead-letter queue and of what it serves.
Link = tuple[str, str]
Entries = list[dict[str, Any]]


@dataclass(frozen=True)
class Queue:
    """A queue as it is now."""

    name: str
    url: str
    attributes: Mapping[str, str]

    @property
    def arn(self) -> str:
        return self.attributes["QueueArn"]

    @property
    def waiting(self) -> int:
        return int(self.attributes["ApproximateNumberOfMessages"])

    @property
    def in_flight(self) -> int:
        return int(self.attributes["ApproximateNumberOfMessagesNotVisible"])

    def send(self, aws: Aws, entries: Entries) -> Any:
        """Up to ten messages. The answer names by `Id` those that were accepted."""
        return aws.sqs.send_message_batch(QueueUrl=self.url, Entries=cast("Any", entries))


@dataclass(frozen=True)
class Topic:
    """What a rule publishes to. All its subscribers get a message that is put back."""

    arn: str

    @property
    def name(self) -> str:
        """For output, where a queue that subscribes may have the same name."""
        return f"topic {self.arn.rpartition(':')[2]}"

    def send(self, aws: Aws, entries: Entries) -> Any:
        """As a queue does."""
        renamed = [{"Message" if key == "MessageBody" else key: value for key, value in e.items()} for e in entries]
        return aws.sns.publish_batch(TopicArn=self.arn, PublishBatchRequestEntries=cast("Any", renamed))


Destination = Queue | Topic


@dataclass(frozen=True)
class DeadLetterQueue(Queue):
    """`sources` are the queues and topics that it serves, by ARN. Empty if it serves nothing here."""

    sources: Mapping[str, Destination]

    def destination(self, letter: DeadLetter) -> Destination | None:
        """Where the message should have been handled; None if that is unknown.

        EventBridge always records its target, so a message that names none was meant for a queue.
        """
        if letter.origin:
            return self.sources.get(letter.origin)
        queues = [source for source in self.sources.values() if isinstance(source, Queue)]
        return queues[0] if len(queues) == 1 else None


def dead_letter_queues(aws: Aws, resources: list[StackResourceSummaryTypeDef], bus: str) -> list[DeadLetterQueue]:
    """The queues among `resources` that another queue, a rule's target or a subscription names as its own."""

    def of(kind: str) -> list[str]:
        return [r.get("PhysicalResourceId", "") for r in resources if r["ResourceType"] == kind]

    queues = {queue.arn: queue for queue in (_look_up(aws, url) for url in of("AWS::SQS::Queue"))}
    served: dict[str, Destination] = {arn: Topic(arn) for arn in of("AWS::SNS::Topic")}
    links = [
        *_redrive_links(queues),
        *(link for rule in of("AWS::Events::Rule") for link in _rule_links(aws, rule, bus)),
        *(link for subscription in of("AWS::SNS::Subscription") for link in _subscription_links(aws, subscription)),
    ]
    dead = dict.fromkeys(arn for arn, _ in links if arn in queues)
    return [_with_sources(queues[arn], links, served | queues) for arn in dead]


def subscriber(aws: Aws, subscription: str, attributes: Mapping[str, str]) -> str:
    """The queue's ARN, or the mailbox, to which a subscription with these attributes delivers.

    AWS has it in the attributes, MiniStack only in the list of the topic.
    """
    topic = subscription.rpartition(":")[0]
    pages = aws.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    for found in (found for page in pages for found in page["Subscriptions"]):
        if found["SubscriptionArn"] == subscription:
            return found["Endpoint"]
    # AWS lists a subscription without its ARN until it is confirmed.
    if endpoint := attributes.get("Endpoint"):
        return endpoint
    raise Failed(f"{topic} does not list {subscription}: look again in a minute")


def _with_sources(dead: Queue, links: list[Link], served: Mapping[str, Destination]) -> DeadLetterQueue:
    sources = {source: served[source] for arn, source in links if arn == dead.arn and source in served}
    return DeadLetterQueue(dead.name, dead.url, dead.attributes, sources)


def _look_up(aws: Aws, url: str) -> Queue:
    with _existing(url):
        answer = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return Queue(url.rpartition("/")[2], url, {str(name): text for name, text in answer["Attributes"].items()})


@contextmanager
def _existing(identity: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if gone(error):
            raise Failed(f"{identity} is gone: {command('doctor')} says what to do") from error
        raise


def _redrive_links(queues: Mapping[str, Queue]) -> Iterator[Link]:
    for arn, queue in queues.items():
        policy = json.loads(queue.attributes.get("RedrivePolicy") or "{}")
        if "deadLetterTargetArn" in policy:
            yield policy["deadLetterTargetArn"], arn


def _rule_links(aws: Aws, identity: str, shop_bus: str) -> Iterator[Link]:
    bus, rule = locate(aws, identity, shop_bus)
    with _existing(rule):
        pages = aws.events.get_paginator("list_targets_by_rule").paginate(Rule=rule, EventBusName=bus)
        targets = [target for page in pages for target in page["Targets"]]
    for target in targets:
        if dead := target.get("DeadLetterConfig", {}).get("Arn"):
            yield dead, _source(target)


def _subscription_links(aws: Aws, arn: str) -> Iterator[Link]:
    with _existing(arn):
        attributes = aws.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
        queue = subscriber(aws, arn, attributes)
    if dead := json.loads(attributes.get("RedrivePolicy") or "{}").get("deadLetterTargetArn"):
        yield dead, queue


def _source(target: TargetOutputTypeDef) -> str:
    return "" if any(name in target for name in _REWRITES) else target["Arn"]
