"""Puts dead letters back to where they failed: send, then delete, the same on AWS and every emulator.

`StartMessageMoveTask` does that on AWS, but not for the queues of rules and not for messages that a consumer sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from bootstrap.aws import Aws, Say
from shop.dlq.dead_letter import DeadLetter
from shop.dlq.queues import DeadLetterQueue, Destination
from shop.dlq.receiver import BATCH, Receiver, Selection

# Of a whole batch. SQS now takes four times as much, but not every queue and not every emulator does.
MAX_BYTES = 256 * 1024
_PROGRESS = 100


class Redrive:
    """Of one queue. A message is deleted only after its destination has accepted it.

    After a crash in between the message is in both queues, which idempotent consumers tolerate.
    """

    def __init__(self, aws: Aws, queue: DeadLetterQueue, say: Say) -> None:
        self._aws = aws
        self._queue = queue
        self._say = say
        self._sent: set[str] = set()
        self.moved: dict[str, int] = {}
        self.kept: list[str] = []
        self.not_deleted: list[str] = []

    @property
    def count(self) -> int:
        return sum(self.moved.values())

    def run(self, receiver: Receiver, selection: Selection, most: int) -> None:
        """Stops after `most` messages, and moves none twice that fails again and comes back."""
        reported = 0
        for letters in receiver.search(selection, most, self._came_back):
            for destination, group in self._by_destination(letters):
                for batch in batches(group):
                    self._move(receiver, destination, batch)
            if self.count >= reported + _PROGRESS:
                reported = self.count
                self._say(f"  {reported} messages of {self._queue.name} were put back")

    def _came_back(self, letter: DeadLetter) -> bool:
        return bool(letter.ids & self._sent)

    def _by_destination(self, letters: list[DeadLetter]) -> Iterable[tuple[Destination, list[DeadLetter]]]:
        groups: dict[str, tuple[Destination, list[DeadLetter]]] = {}
        for letter in letters:
            destination = self._queue.destination(letter)
            if destination is None:
                meant = f"{letter.origin}, which a redrive cannot serve" if letter.origin else "one of several queues"
                self.kept.append(f"{letter.id}: it was meant for {meant}")
            else:
                groups.setdefault(destination.arn, (destination, []))[1].append(letter)
        return groups.values()

    def _move(self, receiver: Receiver, destination: Destination, letters: list[DeadLetter]) -> None:
        accepted = self._send(destination, letters)
        if accepted:
            self.moved[destination.name] = self.moved.get(destination.name, 0) + len(accepted)
        self.not_deleted += [letter.id for letter in receiver.delete(accepted)]

    def _send(self, destination: Destination, letters: list[DeadLetter]) -> list[DeadLetter]:
        """Returns those that were accepted: SQS and SNS answer 200 even where they refuse some."""
        answer = destination.send(self._aws, [_entry(str(i), letter) for i, letter in enumerate(letters)])
        for failure in answer.get("Failed", []):
            why = f"{failure['Code']}: {failure.get('Message', 'no error message')}"
            self.kept.append(f"{letters[int(failure['Id'])].id}: {why}")
        accepted = answer.get("Successful", [])
        self._sent |= {entry["MessageId"] for entry in accepted}
        return [letters[int(entry["Id"])] for entry in accepted]


def batches(letters: list[DeadLetter]) -> Iterator[list[DeadLetter]]:
    """In their order, as many together as SQS takes in one call. A very large message is sent alone."""
    batch: list[DeadLetter] = []
    for letter in letters:
        if batch and (len(batch) == BATCH or sum(map(DeadLetter.size, [*batch, letter])) > MAX_BYTES):
            yield batch
            batch = []
        batch.append(letter)
    if batch:
        yield batch


def _entry(identity: str, letter: DeadLetter) -> dict[str, Any]:
    return {"Id": identity, "MessageBody": letter.body, "MessageAttributes": letter.kept_attributes()}
