"""The boxes of the map of a shop and the links between them, in the sequence in which messages pass them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bootstrap.flows import Flows

NAME, NOTE = 11, 10  # sizes of the two fonts, in pixels as everything here
CHARACTER = 0.62  # of the size: common monospaced fonts have 0.55 to 0.61
PAD, LEADING = 8, 13
# The longest notes that a box may get. Each is one line under the name.
NOTES = {
    "publisher": ("restarting",),
    "outbox": ("99999 events",),
    "relay": ("restarting",),
    "bus": ("9999 seen",),
    "rule": ("rate(10 minutes)",),
    "saga": ("state machine",),
    "topic": ("topic",),
    "queue": ("99999 waiting", "99999 in flight"),
    "consumer": ("restarting",),
    "dead": ("99999 dead letters",),
}


COLUMNS = (
    *("publishers", "outboxes", "relays", "bus", "rules, and the saga"),
    *("queues and topics", "who reads them", "dead-letter queues"),
)


class Node(NamedTuple):
    """`notes` are the lines that do not change."""

    kind: str
    name: str
    notes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.kind}-{self.name}"

    @property
    def lines(self) -> int:
        """Of notes."""
        return len(NOTES[self.kind])

    @property
    def width(self) -> float:
        """That its name and notes need."""
        notes = max(len(text) for text in (*NOTES[self.kind], *self.notes))
        return 2 * PAD + CHARACTER * max(len(self.name) * NAME, notes * NOTE)

    @property
    def height(self) -> float:
        return PAD + LEADING * (1 + self.lines) + 3


class Link(NamedTuple):
    kind: str
    start: str
    end: str

    @property
    def id(self) -> str:
        return f"{self.start}--{self.end}"


def columns(flows: Flows) -> list[list[Node]]:
    """Each box of the map, in the columns from left to right, as many as `COLUMNS`."""
    lanes = _targets(flows)
    return [
        [Node("publisher", name) for outbox in flows.outboxes for name in flows.writers(outbox)],
        [Node("outbox", name) for name in flows.outboxes],
        [Node("relay", name) for outbox in flows.outboxes for name in _relays(flows, outbox)],
        [Node("bus", "bus")],
        _rules(flows, lanes),
        [Node("topic", it, ("topic",)) if it in flows.topics else Node("queue", it) for it in lanes],
        [node for lane in lanes for node in _readers(flows, lane)],
        [Node("dead", name) for name in flows.dead_letter_queues],
    ]


def links(flows: Flows) -> Iterator[Link]:
    """Also to boxes that are not there, as of a rule without a dead-letter queue. A link may come twice."""
    for outbox in flows.outboxes:
        for name in flows.writers(outbox):
            yield Link("event", f"publisher-{name}", f"outbox-{outbox}")
            yield Link("event", f"publisher-{name}", "bus-bus")
        for name in _relays(flows, outbox):
            yield Link("event", f"outbox-{outbox}", f"relay-{name}")
            yield Link("event", f"relay-{name}", "bus-bus")
    yield from _of_routes(flows)
    for machine, queue in flows.commands:
        yield Link("command", f"saga-{machine}", f"queue-{queue}")
        for name in flows.allowed("StartExecution", f"states:stateMachine:{machine}"):
            yield Link("start", f"consumer-{name}", f"saga-{machine}")
    for queue, dead in flows.queues.items():
        for name in flows.readers(queue):
            yield Link("event", f"queue-{queue}", f"consumer-{name}")
            yield Link("dead", f"consumer-{name}", f"dead-{dead}")


def _of_routes(flows: Flows) -> Iterator[Link]:
    for route in flows.routes:
        goal = f"{'topic' if route.target in flows.topics else 'queue'}-{route.target}"
        if route.pattern:
            yield Link("event", "bus-bus", f"rule-{route.rule}")
        yield Link("event", f"rule-{route.rule}", goal)
        yield Link("dead", f"rule-{route.rule}", f"dead-{route.dead_letters}")
    for each in flows.subscriptions:
        yield Link("event", f"topic-{each.topic}", f"queue-{each.queue}")
        yield Link("dead", f"topic-{each.topic}", f"dead-{each.dead_letters}")


def _relays(flows: Flows, outbox: str) -> list[str]:
    return flows.allowed("Scan", f"dynamodb:table/{outbox}")


def _targets(flows: Flows) -> list[str]:
    """Queues and topics that get something, in the sequence of the templates."""
    found = (*(route.target for route in flows.routes), *(queue for _, queue in flows.commands))
    return [*dict.fromkeys(filter(None, found))]


def _rules(flows: Flows, lanes: Sequence[str]) -> list[Node]:
    """Rules and state machines, each beside what it sends to, and at the end if that is no queue and no topic."""
    places: dict[Node, list[int]] = {}
    for route in flows.routes:
        types = route.detail_types
        note = route.schedule or (types[0] if len(types) == 1 else f"{len(types)} types")
        places.setdefault(Node("rule", route.rule, (note,)), []).append([*lanes, route.target].index(route.target))
    for machine, queue in flows.commands:
        places.setdefault(Node("saga", machine, ("state machine",)), []).append(lanes.index(queue))
    return sorted(places, key=lambda node: sum(places[node]) / len(places[node]))


def _readers(flows: Flows, target: str) -> list[Node]:
    """What is behind a target: the queues of a topic, or the consumers of a queue."""
    if target in flows.topics:
        return [Node("queue", queue) for queue in flows.arrivals(target)]
    return [Node("consumer", name) for name in flows.readers(target)]
