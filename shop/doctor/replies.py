"""Replies of consumers to test messages, as they come into the doctor's queue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from pydantic import ValidationError

from bootstrap.aws import Aws
from bootstrap.clock import Clock
from chassis.core.events import Reply
from shop.doctor.routes import EventType

# A queue's name and a type of event: one reply is expected for each.
Hop = tuple[str, EventType]


def replies(
    aws: Aws, url: str, run: str, hops: set[Hop], clock: Clock, patience: float
) -> Iterator[tuple[Hop, bool, float]]:
    """The first reply of each of `hops` to `run`, whether the event is handled there, and after how many seconds.

    Ends after `patience` seconds at the latest.
    """
    start, missing = clock.now(), set(hops)
    for _ in clock.polls(patience if missing else 0, first=0.05, longest=0.5):
        for reply in _receive(aws, url, run):
            hop = reply.queue, (reply.source, reply.detail_type)
            if hop in missing:
                missing.remove(hop)
                yield hop, reply.handled, clock.now() - start
        if not missing:
            return


def _receive(aws: Aws, url: str, run: str) -> Iterator[Reply]:
    """Those to `run`, which are removed. SQS removes the others after minutes, since another doctor may wait."""
    answer = aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=1, WaitTimeSeconds=1)
    for message in answer.get("Messages", []):
        with suppress(ValidationError):
            reply = Reply.model_validate_json(message.get("Body", ""))
            if reply.run == run:
                aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message.get("ReceiptHandle", ""))
                yield reply
