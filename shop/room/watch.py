"""What queues, outboxes and processes are doing now, as the texts that the page shows."""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from bootstrap.aws import Aws
from bootstrap.errors import unless_gone
from bootstrap.flows import Flows
from bootstrap.names import Names
from shop.room.trouble import told

EVERY, ON_AWS = 1.0, 10.0  # seconds between two looks, while somebody watches
REST = 3  # a slow emulator has at least this many times as long without a look as the look took
OLD = 10  # times as old as it should be
COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")

log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True)
class State:
    """`texts` by the ids of their elements on the page, and `marks` by the ids of boxes: busy, bad or stopped."""

    texts: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)


class Gauges:
    """Asks AWS. `states` says of each process whether it runs, or is empty where that is not known."""

    def __init__(
        self,
        aws: Aws,
        names: Names,
        flows: Flows,
        states: Callable[[], Mapping[str, str]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._aws, self._names, self._flows, self._states, self._clock = aws, names, flows, states, clock
        self._empty_at: dict[str, float] = {}
        self._urls: dict[str, str] = {}

    def look(self) -> State:
        texts: dict[str, str] = {}
        marks: dict[str, str] = {}
        for kind, queues in (("queue", [*self._flows.queues]), ("dead", self._flows.dead_letter_queues)):
            for queue in queues:
                self._queue(f"{kind}-{queue}", queue, texts, marks)
        for outbox in self._flows.outboxes:
            self._outbox(outbox, texts, marks)
        for name, state in self._states().items():
            self._process(name, state, texts, marks)
        return State(texts, marks)

    def depth(self, queue: str) -> tuple[int, int]:
        """The messages that wait, and those in flight, as SQS counts them: approximately. A missing queue has none."""
        return unless_gone(lambda: self._depth(queue)) or (0, 0)

    def _depth(self, queue: str) -> tuple[int, int]:
        if queue not in self._urls:
            self._urls[queue] = self._aws.sqs.get_queue_url(QueueName=self._full(queue))["QueueUrl"]
        asked: Any = {"QueueUrl": self._urls[queue], "AttributeNames": COUNTS}
        found: Any = self._aws.sqs.get_queue_attributes(**asked)["Attributes"]
        return int(found[COUNTS[0]]), int(found[COUNTS[1]])

    def pending(self, outbox: str) -> list[dict[str, Any]]:
        """The rows of an outbox. During an outage of the bus they are more than one page."""
        pages = self._aws.dynamodb.get_paginator("scan").paginate(TableName=self._full(outbox), ConsistentRead=True)
        return [row for page in pages for row in page["Items"]]

    def _queue(self, box: str, queue: str, texts: dict[str, str], marks: dict[str, str]) -> None:
        waiting, in_flight = self.depth(queue)
        if not waiting + in_flight:
            self._empty_at[queue] = self._clock()
        texts[f"{box}-waiting"], texts[f"{box}-flight"] = str(waiting), str(in_flight)
        texts[f"{box}-oldest"] = self._oldest(queue) if waiting + in_flight else ""
        letters = "dead letter" if waiting == 1 else "dead letters"
        texts[f"{box}-note-0"] = f"{short(waiting)} {'waiting' if box.startswith('queue') else letters}"
        texts[f"{box}-note-1"] = f"{short(in_flight)} in flight"
        marks[box] = self._mark(box, queue) if waiting + in_flight else ""

    def _mark(self, box: str, queue: str) -> str:
        """What no process reads is for programs outside of the shop, and waits there without fault."""
        return "bad" if box.startswith("dead") else "busy" if self._flows.readers(queue) else ""

    def _oldest(self, queue: str) -> str:
        """SQS has no such number. What is there now came after the queue was last seen empty."""
        since = self._empty_at.get(queue)
        return "not known" if since is None else f"at most {ago(self._clock() - since)}"

    def _outbox(self, outbox: str, texts: dict[str, str], marks: dict[str, str]) -> None:
        rows, box = self.pending(outbox), f"outbox-{outbox}"
        oldest = min((int(row["createdAt"]["N"]) for row in rows if "createdAt" in row), default=None)
        texts[f"{box}-waiting"] = str(len(rows))
        texts[f"{box}-oldest"] = "" if oldest is None else ago(self._clock() - oldest / 1000)
        texts[f"{box}-note-0"] = f"{short(len(rows))} events"
        marks[box] = "busy" if rows else ""

    def _process(self, name: str, state: str, texts: dict[str, str], marks: dict[str, str]) -> None:
        texts[f"process-{name}"] = state
        for kind in ("publisher", "relay", "consumer"):
            texts[f"{kind}-{name}-note-0"] = state
            marks[f"{kind}-{name}"] = "" if state == "running" else "stopped"

    def _full(self, name: str) -> str:
        return f"{self._names.shop}-{name}"


class Watch:
    """Looks again and again while somebody watches. `run` works until the process ends."""

    def __init__(
        self, look: Callable[[], State], every: float = EVERY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._look, self._every, self._clock = look, every, clock
        self._state, self._looked = State(), -math.inf
        self._asked, self._lock = threading.Event(), threading.Lock()

    def state(self) -> State:
        """The latest look, or after a time without watchers a new one."""
        self._asked.set()
        if self._is_old():
            self.refresh()
        return self._state

    def run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            begun = self._clock()
            self.refresh()
            time.sleep(max(self._every, REST * (self._clock() - begun)))

    def refresh(self) -> None:
        """Looks, unless another thread has just done so."""
        with self._lock:
            if self._clock() - self._looked < self._every / 2:
                return
            try:
                self._state = self._look()
            except Exception as error:  # noqa: BLE001 `told` logs it
                reason = told(error)
                self._state = State({**self._state.texts, "trouble": reason}, self._state.marks)
                log.warning("the counters cannot be read", reason=reason)
            self._looked = self._clock()

    def _is_old(self) -> bool:
        return self._clock() - self._looked > OLD * self._every


def short(number: int) -> str:
    """With at most five characters, as far as a box has room for them."""
    return str(number) if number < 100_000 else f"{min(number // 1000, 9999)}k"


def ago(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
