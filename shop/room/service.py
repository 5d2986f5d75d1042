"""What the pages show and do."""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bootstrap.errors import Failed
from bootstrap.flows import Flows
from shop.room import drawing, trail
from shop.room.actions import OFFERS, VERBS, Actions
from shop.room.ring import Ring, Seen
from shop.room.watch import State, Watch

STREAM, PATIENCE = 20.0, 0.5  # seconds of a stream, and between two looks at the counters
RETRY, LATER = 300, 1000  # milliseconds after which the browser asks for the next stream
STREAMS = 4  # at once. Each holds one of 16 threads, and one of the six connections that a browser has to a host.


class Done(NamedTuple):
    at: str
    what: str


class Passage(NamedTuple):
    """A rule that passes a type of event on. `seen` and `last` are since the room started."""

    type: str
    publishers: Sequence[str]
    rule: str
    queues: Sequence[str]
    consumers: Sequence[str]
    seen: int
    last: str


class Room:
    """Without `actions`, it only shows. With `commands`, the page has commands of Docker Compose for its processes."""

    def __init__(
        self,
        flows: Flows,
        ring: Ring,
        watch: Watch,
        *,
        actions: Actions | None,
        trouble: Callable[[], str],
        traces: Path | None = None,
        commands: bool = False,
    ) -> None:
        self.flows, self.picture, self.commands = flows, drawing.draw(flows), commands
        self._done: deque[Done] = deque(maxlen=20)
        self._ring, self._watch, self._actions, self._traces = ring, watch, actions, traces
        self.trouble = trouble
        self._streams = threading.BoundedSemaphore(STREAMS)

    @property
    def read_only(self) -> bool:
        return self._actions is None

    @property
    def processes(self) -> list[str]:
        return [process.name for process in self.flows.processes]

    def events(self) -> list[Seen]:
        """The oldest first."""
        return self._ring.all()

    def state(self) -> State:
        state = self._watch.state()
        texts = {"trouble": "", **state.texts}
        return State(texts | ({"trouble": found} if (found := self.trouble()) else {}), state.marks)

    def do(self, name: str, process: str = "") -> str:
        """Raises Failed."""
        if self._actions is None or name not in {*OFFERS, *VERBS} or (name in VERBS and process not in self.processes):
            raise Failed("This room only shows." if self.read_only else f"There is no button {name} {process}".strip())
        try:
            said = self._actions.control(name, process) if name in VERBS else self._actions.do(name)
        except Failed as error:
            self._note(f"{f'{name} {process}'.strip().capitalize()}: {error}")
            raise
        self._note(said)
        return said

    @property
    def done(self) -> list[Done]:
        """What the buttons did, the latest first, and what they could not do."""
        return list(self._done.copy())

    def _note(self, what: str) -> None:
        self._done.appendleft(Done(datetime.now(UTC).strftime("%H:%M:%S"), what))

    def stream(self, after: str, clock: Callable[[], float] = time.monotonic) -> Generator[str, None, None]:
        """Server-sent events (HTML Standard): what follows the event `after`, and the changes of the counters.

        It ends after `STREAM` seconds, and the browser asks for the next one with the id of its last event. While
        `STREAMS` others are open, it ends at once, and the browser asks again after a second.
        """
        free = self._streams.acquire(blocking=False)
        try:
            yield f"retry: {RETRY if free else LATER}\n\n"
            yield from self._messages(after, clock, STREAM if free else 0)
        finally:
            if free:
                self._streams.release()

    def _messages(self, after: str, clock: Callable[[], float], seconds: float) -> Iterator[str]:
        """What there is now, and what comes within `seconds`."""
        end, shown, over = clock() + seconds, State(), False
        while not over:
            events, missed = self._ring.after(after, min(PATIENCE, seconds))
            if missed:
                yield _message("missed", str(missed))
            for seen in events:
                after = seen.id
                yield f"id: {seen.id}\n{_message('tap', seen.to_json())}"
            state = self.state()
            if changed := _changes(state, shown):
                yield _message("state", json.dumps(changed))
            shown, over = state, clock() >= end

    def passages(self) -> Iterator[Passage]:
        for route in (route for route in self.flows.routes if route.pattern):
            queues = self.flows.arrivals(route.target)
            readers = [name for queue in queues for name in self.flows.readers(queue)]
            publishers = list(dict.fromkeys(n for source in route.sources for n in self.flows.publishers(source)))
            for kind in route.detail_types:
                known = self._ring.types.get(kind)
                seen, last = known or (0, "")
                yield Passage(kind, publishers, route.rule, queues, readers, seen, last)

    def trail(self, wanted: str) -> tuple[list[trail.Step], list[Seen], Sequence[str]]:
        """The steps, the events and the waterfalls of a correlation id, an order id or a trace id."""
        events = [seen for seen in self._ring.all() if seen.is_of(wanted)]
        spans = trail.spans_of(self._traces, wanted)
        return trail.steps(events, spans), events, trail.waterfalls(spans)


def _message(kind: str, data: str) -> str:
    return f"event: {kind}\ndata: {data}\n\n"


def _changes(state: State, shown: State) -> dict[str, Mapping[str, str]]:
    texts = {name: text for name, text in state.texts.items() if shown.texts.get(name) != text}
    marks = {name: mark for name, mark in state.marks.items() if shown.marks.get(name) != mark}
    return {"texts": texts, "marks": marks} if texts or marks else {}
