"""Which dead-letter queues a stack has, and which queue each one's messages were meant for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from bootstrap.aws import Aws
from bootstrap.errors import Failed, gone
from bootstrap.letter import Letter

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackResourceSummaryTypeDef
    from mypy_boto3_events.type_defs import TargetOutputTypeDef

# A target with one of these gets another text than the event, which its dead-letter queue does not have.
_REWRITES = ("Input", "InputPath", "InputTransformer")
# The ARNs of a dead-letter queue and of a queue that it serves.
Link = tuple[str, str]


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
    def in_hand(self) -> int:
        return int(self.attributes["ApproximateNumberOfMessagesNotVisible"])


@dataclass(frozen=True)
class DeadLetterQueue(Queue):
    """`sources` are the queues it serves, by ARN; none where its messages were meant for something else."""

    sources: Mapping[str, Queue]

    def destination(self, letter: Letter) -> Queue | None:
        """Where the message should have been handled; None if that cannot be told."""
        if letter.origin:
            return self.sources.get(letter.origin)
        return next(iter(self.sources.values())) if len(self.sources) == 1 else None


def dead_letter_queues(aws: Aws, resources: list[StackResourceSummaryTypeDef], bus: str) -> list[DeadLetterQueue]:
    """Those of the stack's queues that another queue, or a rule's target, names as its own."""
    identities = [r.get("PhysicalResourceId", "") for r in resources if r["ResourceType"] == "AWS::SQS::Queue"]
    queues = {queue.arn: queue for queue in (_look(aws, identity) for identity in identities)}
    rules = [r.get("PhysicalResourceId", "") for r in resources if r["ResourceType"] == "AWS::Events::Rule"]
    links = [*_redrive_links(queues), *(link for rule in rules for link in _rule_links(aws, rule, bus))]
    return [_serving(queues[arn], links, queues) for arn in dict.fromkeys(dead for dead, _ in links) if arn in queues]


def _serving(dead: Queue, links: list[Link], queues: Mapping[str, Queue]) -> DeadLetterQueue:
    sources = {source: queues[source] for arn, source in links if arn == dead.arn and source in queues}
    return DeadLetterQueue(dead.name, dead.url, dead.attributes, sources)


def _look(aws: Aws, url: str) -> Queue:
    try:
        answer = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    except ClientError as error:
        if gone(error):
            raise Failed(f"{url} is gone: `python -m bootstrap doctor` says what to do") from error
        raise
    return Queue(url.rpartition("/")[2], url, {str(name): text for name, text in answer["Attributes"].items()})


def _redrive_links(queues: Mapping[str, Queue]) -> Iterator[Link]:
    for arn, queue in queues.items():
        policy = json.loads(queue.attributes.get("RedrivePolicy") or "{}")
        if "deadLetterTargetArn" in policy:
            yield policy["deadLetterTargetArn"], arn


def _rule_links(aws: Aws, identity: str, default_bus: str) -> Iterator[Link]:
    # AWS and LocalStack say "bus|rule", MiniStack only the rule.
    bus, _, rule = identity.rpartition("|")
    pages = aws.events.get_paginator("list_targets_by_rule").paginate(Rule=rule, EventBusName=bus or default_bus)
    for target in (target for page in pages for target in page["Targets"]):
        if dead := target.get("DeadLetterConfig", {}).get("Arn"):
            yield dead, _source(target)


def _source(target: TargetOutputTypeDef) -> str:
    return "" if any(name in target for name in _REWRITES) else target["Arn"]
