"""Puts dead letters back to where they failed: send, then delete, the same on AWS and every emulator.

`StartMessageMoveTask` would do it on AWS, but not for the queues of rules, nor for messages sent by a consumer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from bootstrap.aws import Aws, Say
from bootstrap.deadletters import DeadLetterQueue, Destination
from bootstrap.hand import BATCH, Hand, Selection
from bootstrap.letter import Letter

# All of a batch together; SQS now takes four times as much, but not every queue and not every emulator.
MAX_BYTES = 256 * 1024
_PROGRESS = 100


class Redrive:
    """One queue's. A message leaves its queue only after the other has accepted it.

    A death in between leaves it in both: consumers are used to that.
    """

    def __init__(self, aws: Aws, queue: DeadLetterQueue, say: Say) -> None:
        self._aws = aws
        self._queue = queue
        self._say = say
        self._sent: set[str] = set()
        self.moved: dict[str, int] = {}
        self.kept: list[str] = []
        self.doubled: list[str] = []

    @property
    def count(self) -> int:
        return sum(self.moved.values())

    def run(self, hand: Hand, selection: Selection, most: int) -> None:
        """Stops after `most`, so that messages that fail again and come back make no endless loop."""
        said = 0
        for letters in hand.search(selection, most, self._came_back):
            for destination, group in self._sorted(letters):
                for batch in batches(group):
                    self._move(hand, destination, batch)
            if self.count >= said + _PROGRESS:
                said = self.count
                self._say(f"  {said} of {self._queue.name} are back")

    def _came_back(self, letter: Letter) -> bool:
        return bool(letter.names & self._sent)

    def _sorted(self, letters: list[Letter]) -> Iterable[tuple[Destination, list[Letter]]]:
        groups: dict[str, tuple[Destination, list[Letter]]] = {}
        for letter in letters:
            goal = self._queue.destination(letter)
            if goal is None:
                meant = letter.origin or "something it does not name"
                self.kept.append(f"{letter.id}: this stack cannot put it back to {meant}")
            else:
                groups.setdefault(goal.arn, (goal, []))[1].append(letter)
        return groups.values()

    def _move(self, hand: Hand, destination: Destination, letters: list[Letter]) -> None:
        accepted = self._send(destination, letters)
        if accepted:
            self.moved[destination.name] = self.moved.get(destination.name, 0) + len(accepted)
        self.doubled += [letter.id for letter in hand.delete(accepted)]

    def _send(self, destination: Destination, letters: list[Letter]) -> list[Letter]:
        """Those accepted: the answer is 200 even where some are refused."""
        answer = destination.send(self._aws, [_entry(str(i), letter) for i, letter in enumerate(letters)])
        for failure in answer.get("Failed", []):
            why = f"{failure['Code']}: {failure.get('Message', 'it says no more')}"
            self.kept.append(f"{letters[int(failure['Id'])].id}: {why}")
        accepted = answer.get("Successful", [])
        self._sent |= {entry["MessageId"] for entry in accepted}
        return [letters[int(entry["Id"])] for entry in accepted]


def batches(letters: list[Letter]) -> Iterator[list[Letter]]:
    """In their order, as many together as SQS takes in one call; a giant travels alone."""
    batch: list[Letter] = []
    for letter in letters:
        if batch and (len(batch) == BATCH or sum(map(Letter.size, [*batch, letter])) > MAX_BYTES):
            yield batch
            batch = []
        batch.append(letter)
    if batch:
        yield batch


def _entry(identity: str, letter: Letter) -> dict[str, Any]:
    return {"Id": identity, "MessageBody": letter.body, "MessageAttributes": letter.kept_attributes()}
