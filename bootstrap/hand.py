"""Messages of a dead-letter queue in hand: hidden from others for a while, then back or gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bootstrap.letter import Letter

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BATCH = 10
# A killed run's messages are back after this; a run that lasts longer meets its own again, and knows them.
_HIDDEN_SECONDS = 120
_DELETE_TRIES = 3
EVERYTHING = 1_000_000


class Selection:
    """Which messages are meant: those named, or, without names, every one."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._named = set(names)
        self.missing = set(self._named)

    def wants(self, letter: Letter) -> bool:
        self.missing -= letter.names
        return not self._named or bool(self._named & letter.names)

    @property
    def named(self) -> bool:
        return bool(self._named)

    @property
    def found_all(self) -> bool:
        return self.named and not self.missing


class Hand:
    """Reading costs a message nothing: a dead-letter queue has no tries to use up."""

    def __init__(self, sqs: SQSClient, url: str) -> None:
        self._sqs = sqs
        self._url = url
        self._held: dict[str, Letter] = {}
        self.seen: dict[str, Letter] = {}

    def search(
        self, selection: Selection, most: int = EVERYTHING, skip: Callable[[Letter], bool] = lambda _: False
    ) -> Iterator[list[Letter]]:
        """The wanted among the next `most` messages, batch by batch and each once; what `skip` says does not count."""
        while most > 0 and not selection.found_all:
            fresh = self._take(min(most, BATCH))
            if not fresh:
                return
            counted = [letter for letter in fresh if not skip(letter)]
            most -= len(counted)
            yield [letter for letter in counted if selection.wants(letter)]

    def delete(self, letters: list[Letter]) -> list[Letter]:
        """Returns those that SQS would not delete, even when asked again."""
        for _ in range(_DELETE_TRIES):
            if not letters:
                break
            entries = [{"Id": str(i), "ReceiptHandle": letter.handle} for i, letter in enumerate(letters)]
            answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type] # plain dicts
            for entry in answer.get("Successful", []):
                self._held.pop(letters[int(entry["Id"])].id, None)
            letters = [letter for letter in letters if letter.id in self._held]
        return letters

    def put_back(self) -> None:
        """What cannot be shown again now shows itself a little later."""
        held, self._held = list(self._held.values()), {}
        for start in range(0, len(held), BATCH):
            self._sqs.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(i), "ReceiptHandle": letter.handle, "VisibilityTimeout": 0}
                    for i, letter in enumerate(held[start : start + BATCH])
                ],
            )

    def _take(self, most: int) -> list[Letter]:
        """Messages not seen before; a second's wait asks all of SQS's servers, not a few of them."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=most,
            VisibilityTimeout=_HIDDEN_SECONDS,
            WaitTimeSeconds=1,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        taken = {message.get("MessageId", ""): Letter(message) for message in answer.get("Messages", [])}
        fresh = [identity for identity in taken if identity not in self.seen]
        self._held |= taken
        self.seen |= {identity: taken[identity] for identity in fresh}
        return [taken[identity] for identity in fresh]


@contextmanager
def in_hand(sqs: SQSClient, url: str) -> Iterator[Hand]:
    """Whatever happens meanwhile, messages not deleted are visible again afterwards."""
    hand = Hand(sqs, url)
    try:
        yield hand
    finally:
        hand.put_back()
