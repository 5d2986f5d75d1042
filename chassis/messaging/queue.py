"""Receives messages by long polling, calls a handler with Lambda's contract, and deletes or backs off each message."""

import random
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from chassis.aws.clients import LONG_POLL, Clients
from chassis.core import metrics
from chassis.core.errors import Unavailable
from chassis.core.measured import LOOPS
from chassis.messaging.process import Stop

BATCH = 10
WAIT = 20  # seconds: the longest poll of SQS, and the cheapest
MAX_BACK_OFF = 900  # seconds
PAUSE = 1.0  # seconds
DELETE_TRIES = 3

SqsRecord = dict[str, Any]
log = structlog.stdlib.get_logger(__name__)


class BatchHandler(Protocol):
    def handle_batch(self, event: dict[str, Any]) -> dict[str, Any]:
        """Returns the failed messages, as Lambda expects them."""

    def pause(self) -> float:
        """Seconds to wait before the next batch."""


class Queue:
    """An SQS queue by name. The read time-out of `poller` must be longer than a long poll."""

    def __init__(self, client: Any, poller: Any, name: str, chance: Callable[[], float] = random.random) -> None:
        self._client = client
        self._poller = poller
        self._name = name
        self._chance = chance
        self._known_url = ""

    @classmethod
    def of(cls, clients: Clients, name: str) -> "Queue":
        return cls(clients.of("sqs"), clients.of("sqs", LONG_POLL), name)

    def receive(self) -> list[SqsRecord]:
        """Up to ten messages, in the format that Lambda passes to a function."""
        answer = self._poller.receive_message(
            QueueUrl=self._url(),
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=WAIT,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "eventSource": "aws:sqs",
            }
            for message in answer.get("Messages", [])
        ]

    def delete(self, records: list[SqsRecord]) -> None:
        """Best effort. A message that is not deleted is delivered again, so its handler must be idempotent."""
        for _ in range(DELETE_TRIES):
            entries = [{"Id": str(i), "ReceiptHandle": r["receiptHandle"]} for i, r in enumerate(records)]
            answer = self._client.delete_message_batch(QueueUrl=self._url(), Entries=entries)
            records = [records[int(failure["Id"])] for failure in answer.get("Failed", [])]
            if not records:
                return
        log.warning("messages not deleted", count=len(records))

    def back_off(self, records: list[SqsRecord]) -> None:
        """Hides each message for half to all of its `longest_delay`, at random."""
        entries = [
            {"Id": str(i), "ReceiptHandle": r["receiptHandle"], "VisibilityTimeout": self._delay(r)}
            for i, r in enumerate(records)
        ]
        self._client.change_message_visibility_batch(QueueUrl=self._url(), Entries=entries)

    def send(self, body: str, **attributes: str) -> None:
        values = {name: {"DataType": "String", "StringValue": text} for name, text in attributes.items()}
        self._client.send_message(QueueUrl=self._url(), MessageBody=body, MessageAttributes=values)

    def _delay(self, record: SqsRecord) -> int:
        return round(longest_delay(int(record["attributes"]["ApproximateReceiveCount"])) * (0.5 + self._chance() / 2))

    def _url(self) -> str:
        self._known_url = self._known_url or self._client.get_queue_url(QueueName=self._name)["QueueUrl"]
        return self._known_url


def longest_delay(tries: int) -> int:
    """Seconds that a message is hidden at most after its `tries`-th failed attempt: 5, 10, 20 … up to 900."""
    return min(MAX_BACK_OFF, 5 << min(tries - 1, 10))


class Consuming(NamedTuple):
    """What a consumer is built from: its queue, what handles the messages, and what probes the storage."""

    queue: Queue
    handler: BatchHandler
    check: Callable[[], None]


def consume(queue: Queue, handler: BatchHandler, check: Callable[[], None], stop: Stop) -> None:
    """Until `stop`: receives messages, handles them, deletes those that succeeded and backs off the others.

    After a failure, it receives nothing until `check`, which probes storage, stops raising Unavailable. An outage
    therefore does not use up the attempts that a message has. No exception ends the loop.
    """
    must_check = True
    while not stop:
        metrics.record(LOOPS)
        metrics.report_if_due()
        try:
            if must_check:
                check()
                must_check = False
            if records := stop.interruptible(queue.receive):
                must_check = _acknowledge(queue, records, handler.handle_batch({"Records": records}))
                stop.wait(handler.pause())
        except Unavailable as error:
            log.warning("storage does not answer; not receiving", detail=error.detail)
            stop.wait(PAUSE)
        except Exception as error:
            bug = None if isinstance(error, ClientError | BotoCoreError) else error
            log.warning("messages not handled" if bug else "queue does not answer", error=str(error), exc_info=bug)
            stop.wait(PAUSE)


def _acknowledge(queue: Queue, records: list[SqsRecord], answer: dict[str, Any]) -> bool:
    """Deletes the handled messages and backs off the others. True if there are others."""
    failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    if done := [r for r in records if r["messageId"] not in failed]:
        queue.delete(done)
    if waiting := [r for r in records if r["messageId"] in failed]:
        queue.back_off(waiting)
    return bool(failed)
