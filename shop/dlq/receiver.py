"""Receives messages of a dead-letter queue: they are hidden for a while, then visible again or deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from shop.dlq.dead_letter import DeadLetter

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BATCH = 10
EVERYTHING = 1_000_000
# After this, messages of a command that was killed are visible again. A command that takes longer receives its own
# messages a second time and recognizes them.
_HIDDEN_SECONDS = 120
_DELETE_TRIES = 3


class Selection:
    """The messages that were asked for by their ids. Without ids it is every message."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._ids = set(ids)
        self.missing = set(self._ids)

    def wants(self, letter: DeadLetter) -> bool:
        self.missing -= letter.ids
        return not self._ids or bool(self._ids & letter.ids)

    @property
    def has_ids(self) -> bool:
        return bool(self._ids)

    @property
    def found_all(self) -> bool:
        return self.has_ids and not self.missing


class Receiver:
    """Receiving does no harm: a dead-letter queue has no limit on how often a message is received."""

    def __init__(self, sqs: SQSClient, url: str) -> None:
        self._sqs = sqs
        self._url = url
        self._in_flight: dict[str, DeadLetter] = {}
        self.seen: dict[str, DeadLetter] = {}

    def search(
        self, selection: Selection, most: int = EVERYTHING, skip: Callable[[DeadLetter], bool] = lambda _: False
    ) -> Iterator[list[DeadLetter]]:
        """The wanted among the next `most` messages, in batches, each message once. Those to `skip` do not count."""
        while most > 0 and not selection.found_all:
            fresh = self._receive(min(most, BATCH))
            if not fresh:
                return
            counted = [letter for letter in fresh if not skip(letter)]
            most -= len(counted)
            yield [letter for letter in counted if selection.wants(letter)]

    def delete(self, letters: list[DeadLetter]) -> list[DeadLetter]:
        """Returns those that SQS did not delete in three attempts."""
        for _ in range(_DELETE_TRIES):
            if not letters:
                break
            entries = [{"Id": str(i), "ReceiptHandle": letter.handle} for i, letter in enumerate(letters)]
            answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type] # plain dicts
            for entry in answer.get("Successful", []):
                self._in_flight.pop(letters[int(entry["Id"])].id, None)
            letters = [letter for letter in letters if letter.id in self._in_flight]
        return letters

    def release(self) -> None:
        """Makes everything not deleted visible again. Where that fails, it becomes visible a little later."""
        held, self._in_flight = list(self._in_flight.values()), {}
        for start in range(0, len(held), BATCH):
            self._sqs.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(i), "ReceiptHandle": letter.handle, "VisibilityTimeout": 0}
                    for i, letter in enumerate(held[start : start + BATCH])
                ],
            )

    def _receive(self, most: int) -> list[DeadLetter]:
        """Messages not seen before. With a wait of one second SQS asks all its servers, not only some."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=most,
            VisibilityTimeout=_HIDDEN_SECONDS,
            WaitTimeSeconds=1,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        received = {message.get("MessageId", ""): DeadLetter(message) for message in answer.get("Messages", [])}
        fresh = [identity for identity in received if identity not in self.seen]
        self._in_flight |= received
        self.seen |= {identity: received[identity] for identity in fresh}
        return [received[identity] for identity in fresh]


@contextmanager
def receiving(sqs: SQSClient, url: str) -> Iterator[Receiver]:
    """At the end, also after an error, the messages that were not deleted are visible again."""
    receiver = Receiver(sqs, url)
    try:
        yield receiver
    finally:
        receiver.release()
