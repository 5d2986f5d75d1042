"""Finds doctor's own message in a queue where others' wait, and leaves theirs as they were."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from bootstrap.event import probe_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType
    from mypy_boto3_sqs.type_defs import MessageTypeDef

# Longer than the search may last, so that no message is handed out twice to it.
_HIDDEN_SECONDS = 60
_RECEIVES = 10
_BATCH = 10


class Search:
    """One look through a queue; `is_stale` tells by its date a probe that an earlier run left."""

    def __init__(self, sqs: SQSClient, queue: str, is_stale: Callable[[str], bool]) -> None:
        self._sqs = sqs
        self._url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        self._is_stale = is_stale
        self._foreign: list[MessageTypeDef] = []

    def in_hand(self) -> int:
        """Messages received and not yet deleted: a consumer is at work, or has just failed."""
        return int(self._attribute("ApproximateNumberOfMessagesNotVisible") or 0)

    def waiting(self) -> int:
        """Messages that nobody has in hand."""
        return int(self._attribute("ApproximateNumberOfMessages") or 0)

    def take(self, order_id: str, wait: int = 1) -> MessageTypeDef | None:
        """The probe's message, deleted from the queue; None if it was not found.

        Others' messages are back when this returns, none of them nearer to the dead-letter queue.
        """
        try:
            for _ in range(_RECEIVES):
                batch = self._receive(wait)
                found = [message for message in batch if self._is_own(message, order_id)]
                if found or not batch:
                    return found[0] if found else None
            return None
        finally:
            self._put_back()

    def _receive(self, wait: int) -> list[MessageTypeDef]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=_BATCH,
            VisibilityTimeout=_HIDDEN_SECONDS,
            WaitTimeSeconds=wait,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return answer.get("Messages", [])

    def _is_own(self, message: MessageTypeDef, order_id: str) -> bool:
        probe = probe_of(message.get("Body", ""))
        if probe and (probe[0] == order_id or self._is_stale(probe[1])):
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message.get("ReceiptHandle", ""))
        else:
            self._foreign.append(message)
        return probe is not None and probe[0] == order_id

    def _put_back(self) -> None:
        limit = self._tries() // 4
        worn = [message for message in self._foreign if _received(message) > limit]
        rest = [message for message in self._foreign if _received(message) <= limit]
        self._foreign = []
        for start in range(0, len(rest), _BATCH):
            self._show(rest[start : start + _BATCH])
        for message in worn:
            self._renew(message)

    def _renew(self, message: MessageTypeDef) -> None:
        """Replaces a message by a fresh copy, as receiving it has used up one of its tries.

        Should the copy be sent and the original stay, then the consumer sees an order twice: it is used to that.
        """
        self._sqs.send_message(
            QueueUrl=self._url,
            MessageBody=message.get("Body", ""),
            MessageAttributes=message.get("MessageAttributes", {}),
        )
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message.get("ReceiptHandle", ""))

    def _show(self, messages: list[MessageTypeDef]) -> None:
        self._sqs.change_message_visibility_batch(
            QueueUrl=self._url,
            Entries=[
                {"Id": str(i), "ReceiptHandle": m.get("ReceiptHandle", ""), "VisibilityTimeout": 0}
                for i, m in enumerate(messages)
            ],
        )

    def _tries(self) -> int:
        policy = json.loads(self._attribute("RedrivePolicy") or "{}")
        # A queue without a redrive policy drops nobody however often they are received.
        return int(policy.get("maxReceiveCount", 1_000_000))

    def _attribute(self, name: QueueAttributeNameType) -> str | None:
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        return answer.get("Attributes", {}).get(name)


def _received(message: MessageTypeDef) -> int:
    return int(message.get("Attributes", {}).get("ApproximateReceiveCount", "1"))
