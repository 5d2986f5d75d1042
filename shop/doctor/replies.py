"""Replies of consumers to test messages, as they come into the doctor's queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from pydantic import ValidationError

from bootstrap.clock import Clock
from chassis.core.events import Reply
from shop.doctor.routes import EventType

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

_ABANDONED = 60.0  # seconds after which no doctor waits for a reply
# A queue's name and a type of event: one reply is expected for each.
Hop = tuple[str, EventType]


class Inbox:
    """The doctor's queue. Another doctor may use it at the same time."""

    def __init__(
        self,
        sqs: SQSClient,
        queue: str,
        clock: Clock,
        patience: float,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._sqs = sqs
        self._url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        self._clock = clock
        self._patience = patience
        self._wall_clock = wall_clock

    def replies(self, run: str, hops: set[Hop]) -> Iterator[tuple[Hop, bool, float]]:
        """The first reply of each of `hops` to `run`, whether the event is handled there, and after how many seconds.

        Ends after `patience` seconds at the latest.
        """
        start, missing = self._clock.now(), set(hops)
        for _ in self._clock.polls(self._patience if missing else 0, first=0.05, longest=0.5):
            for reply in self._receive(run):
                hop = reply.queue, (reply.source, reply.detail_type)
                if hop in missing:
                    missing.remove(hop)
                    yield hop, reply.handled, self._clock.now() - start
            if not missing:
                return

    def _receive(self, run: str) -> list[Reply]:
        """Those to `run`. Removes them and all that were abandoned; a second later others see the rest again."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=1,
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        replies = []
        for message in answer.get("Messages", []):
            reply = _read(message)
            own = reply is not None and reply.run == run
            if reply and own:
                replies.append(reply)
            if own or self._is_abandoned(message):
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message.get("ReceiptHandle", ""))
        return replies

    def _is_abandoned(self, message: MessageTypeDef) -> bool:
        sent = int(message.get("Attributes", {}).get("SentTimestamp", "0")) / 1000
        return self._wall_clock() - sent > _ABANDONED


def _read(message: MessageTypeDef) -> Reply | None:
    try:
        return Reply.model_validate_json(message.get("Body", ""))
    except ValidationError:
        return None
