"""When a process is asked to end, and who handled what: as seen from between it and AWS."""

import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.processes import eventually
from tests.resilience.fault_injection import wire
from tests.resilience.fault_injection.faults import PUBLISH, RECEIVE
from tests.resilience.processes import Member

CHECK = "DynamoDB_20120810.GetItem"
WRITE = "DynamoDB_20120810.PutItem"
DELETE = "AmazonSQS.DeleteMessageBatch"
SCAN = "DynamoDB_20120810.Scan"
FORGET = "DynamoDB_20120810.DeleteItem"


class Moment(NamedTuple):
    """So many seconds after the n-th call of this kind was answered by AWS, and not yet heard of by the process."""

    operation: str
    nth: int
    later: float


def moments(seed: int, most: Mapping[str, int], count: int) -> list[Moment]:
    """Each kind of call in turn; `most` has the highest n of each."""
    dice = random.Random(seed)  # noqa: S311 a test's dice
    turns = list(most) * (count // len(most) + 1)
    return [
        Moment(kind, dice.randint(1, most[kind]), dice.choice([0.0, dice.uniform(0, 0.03)])) for kind in turns[:count]
    ]


class Witness:
    """Sees each call and its answer; `life` counts the processes, of which one lives at a time."""

    def __init__(self) -> None:
        self.life = 0
        self.handled: defaultdict[str, set[int]] = defaultdict(set)  # an order or event, and the lives that handled it
        self.received_again: list[str] = []  # although the order was written and the delete acknowledged
        self.in_hand: set[str] = set()
        self._message_of: dict[str, str] = {}  # by receipt handle
        self._finished: set[str] = set()
        self._calls: Counter[str] = Counter()
        self._alarm: tuple[Moment, threading.Timer] | None = None

    def expect(self, moment: Moment, timer: threading.Timer) -> None:
        """A new life: `timer` is started when the moment comes."""
        self.life += 1
        self.in_hand.clear()
        self._calls.clear()
        self._alarm = moment, timer

    def __call__(self, request: wire.Message, answer: wire.Message) -> None:
        if request.operation == RECEIVE:
            self._receive(answer)
        elif request.operation == DELETE:
            self._delete(request, answer)
        elif request.operation == WRITE:
            self.handled[request.json()["Item"]["orderId"]["S"]].add(self.life)
        elif request.operation == PUBLISH:
            for entry in request.json()["Entries"]:
                self.handled[entry["Detail"]].add(self.life)
        self._count(request.operation)

    def _receive(self, answer: wire.Message) -> None:
        for message in answer.json().get("Messages", []):
            self._message_of[message["ReceiptHandle"]] = message["MessageId"]
            self.in_hand.add(message["MessageId"])
            if message["MessageId"] in self._finished:
                self.received_again.append(message["MessageId"])

    def _delete(self, request: wire.Message, answer: wire.Message) -> None:
        handles = {entry["Id"]: entry["ReceiptHandle"] for entry in request.json()["Entries"]}
        gone = {self._message_of[handles[entry["Id"]]] for entry in answer.json().get("Successful", [])}
        self._finished |= gone
        self.in_hand -= gone

    def _count(self, operation: str) -> None:
        self._calls[operation] += 1
        if self._alarm and (operation, self._calls[operation]) == self._alarm[0][:2]:
            self._alarm[1].start()
            self._alarm = None

    @property
    def handled_twice(self) -> list[str]:
        """What one process had begun, and another began again."""
        return [name for name, lives in self.handled.items() if len(lives) > 1]


class End(NamedTuple):
    seconds: float
    busy: bool  # with messages in hand when it was asked to end
    left: bool  # with messages in hand when it had ended: a poll was given up just as it brought them

    @property
    def finished(self) -> bool:
        return self.busy and not self.left


class Drill:
    """One process after the other, each asked to end at its moment: well, and `within` so many seconds."""

    def __init__(self, member: Member, witness: Witness, logs: Path, within: float) -> None:
        self._member = member
        self._witness = witness
        self._logs = logs
        self._within = within
        self._asked = 0.0
        self._busy = False

    def run(self, moments: Sequence[Moment]) -> list[End]:
        try:
            return [self._once(moment) for moment in moments]
        finally:
            self._member.sweep_up()

    def _once(self, moment: Moment) -> End:
        timer = threading.Timer(moment.later, self._ask)
        self._witness.expect(moment, timer)
        self._member.start(self._logs)
        eventually(timer.finished.is_set, seconds=60)
        assert self._member.ended() == 0, moment
        end = End(time.monotonic() - self._asked, self._busy, bool(self._witness.in_hand))
        assert end.seconds < self._within, (moment, end)
        return end

    def _ask(self) -> None:
        self._busy, self._asked = bool(self._witness.in_hand), time.monotonic()
        self._member.ask_to_end()


def told(what: str, ends: Sequence[End]) -> str:
    finished, left = sum(end.finished for end in ends), sum(end.left for end in ends)
    return (
        f"{what}: {len(ends)} stops, {finished} finished a batch, {left} gave a poll up that had brought messages; "
        f"slowest {max(end.seconds for end in ends):.2f} s"
    )
