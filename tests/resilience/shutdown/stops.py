"""Stops a process at chosen moments and observes, between it and AWS, what each process handled."""

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
MARK = "DynamoDB_20120810.BatchWriteItem"  # events as published


class Moment(NamedTuple):
    """`later` seconds after AWS has answered the n-th call of this kind. The process may not have the answer yet."""

    operation: str
    nth: int
    later: float


def moments(seed: int, most: Mapping[str, int], count: int) -> list[Moment]:
    """Each operation in turn; `most` is the highest n of each."""
    choose = random.Random(seed)  # noqa: S311 not for secrets
    turns = list(most) * (count // len(most) + 1)
    return [
        Moment(operation, choose.randint(1, most[operation]), choose.choice([0.0, choose.uniform(0, 0.03)]))
        for operation in turns[:count]
    ]


class Observer:
    """Sees each call and its answer. `process` counts the processes, of which one runs at a time."""

    def __init__(self) -> None:
        self.process = 0
        self.handled: defaultdict[str, set[int]] = defaultdict(set)  # processes, by the order or event they handled
        self.received_again: list[str] = []  # messages although their delete was acknowledged
        self.in_flight: set[str] = set()
        self._message_of: dict[str, str] = {}  # by receipt handle
        self._deleted: set[str] = set()
        self._calls: Counter[str] = Counter()
        self._alarm: tuple[Moment, threading.Timer] | None = None

    def expect(self, moment: Moment, timer: threading.Timer) -> None:
        """Called before a process starts; `timer` is started when the moment comes."""
        self.process += 1
        self.in_flight.clear()
        self._calls.clear()
        self._alarm = moment, timer

    def __call__(self, request: wire.Message, answer: wire.Message) -> None:
        if request.operation == RECEIVE:
            self._receive(answer)
        elif request.operation == DELETE:
            self._delete(request, answer)
        elif request.operation == WRITE:
            self.handled[request.json()["Item"]["orderId"]["S"]].add(self.process)
        elif request.operation == PUBLISH:
            for entry in request.json()["Entries"]:
                self.handled[entry["Detail"]].add(self.process)
        self._count(request.operation)

    def _receive(self, answer: wire.Message) -> None:
        for message in answer.json().get("Messages", []):
            self._message_of[message["ReceiptHandle"]] = message["MessageId"]
            self.in_flight.add(message["MessageId"])
            if message["MessageId"] in self._deleted:
                self.received_again.append(message["MessageId"])

    def _delete(self, request: wire.Message, answer: wire.Message) -> None:
        handles = {entry["Id"]: entry["ReceiptHandle"] for entry in request.json()["Entries"]}
        deleted = {self._message_of[handles[entry["Id"]]] for entry in answer.json().get("Successful", [])}
        self._deleted |= deleted
        self.in_flight -= deleted

    def _count(self, operation: str) -> None:
        self._calls[operation] += 1
        if self._alarm and (operation, self._calls[operation]) == self._alarm[0][:2]:
            self._alarm[1].start()
            self._alarm = None

    @property
    def handled_twice(self) -> list[str]:
        """Orders or events that two processes handled."""
        return [name for name, processes in self.handled.items() if len(processes) > 1]


class Stop(NamedTuple):
    seconds: float
    busy: bool  # messages were in flight at SIGTERM
    left: bool  # messages were still in flight at exit: the last poll was abandoned just as it returned them

    @property
    def finished(self) -> bool:
        return self.busy and not self.left


class Stops:
    """Starts one process after the other and sends each SIGTERM at its moment. Each must exit 0 `within` seconds."""

    def __init__(self, member: Member, observer: Observer, logs: Path, within: float) -> None:
        self._member = member
        self._observer = observer
        self._logs = logs
        self._within = within
        self._asked = 0.0
        self._busy = False

    def run(self, moments: Sequence[Moment]) -> list[Stop]:
        try:
            return [self._once(moment) for moment in moments]
        finally:
            self._member.kill_if_running()

    def _once(self, moment: Moment) -> Stop:
        timer = threading.Timer(moment.later, self._terminate)
        self._observer.expect(moment, timer)
        self._member.start(self._logs)
        eventually(timer.finished.is_set, seconds=60)
        assert self._member.exit_code() == 0, moment
        stop = Stop(time.monotonic() - self._asked, self._busy, bool(self._observer.in_flight))
        assert stop.seconds < self._within, (moment, stop)
        return stop

    def _terminate(self) -> None:
        self._busy, self._asked = bool(self._observer.in_flight), time.monotonic()
        self._member.terminate()


def describe(what: str, stops: Sequence[Stop]) -> str:
    finished, left = sum(stop.finished for stop in stops), sum(stop.left for stop in stops)
    return (
        f"{what}: {len(stops)} stops, {finished} finished a batch, {left} abandoned a poll that returned messages; "
        f"slowest {max(stop.seconds for stop in stops):.2f} s"
    )
