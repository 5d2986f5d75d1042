"""The spans that the processes recorded, as files of JSON lines, and the tree of the spans of one trace."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Recorded:
    """A span. Times are in nanoseconds since 1970."""

    trace_id: str
    span_id: str
    parent_id: str
    process: str
    kind: str
    name: str
    start: int
    end: int
    fields: dict[str, Any] = field(default_factory=dict)

    def is_of(self, wanted: str) -> bool:
        return wanted in {self.trace_id, self.fields.get("correlation_id"), self.fields.get("order_id")}


@dataclass(frozen=True)
class Node:
    """A span with those that it caused. `span` is None where no process recorded it."""

    span: Recorded | None
    children: tuple["Node", ...]

    @property
    def start(self) -> int:
        return self.span.start if self.span else min(child.start for child in self.children)


def read(folder: Path, wanted: str) -> list[Recorded]:
    """All spans of the traces in which a span has the ID `wanted`."""
    traces = {span.trace_id for span in _spans(folder, [wanted]) if span.is_of(wanted)}
    return [span for span in _spans(folder, traces) if span.trace_id in traces]


def _spans(folder: Path, texts: Iterable[str]) -> Iterator[Recorded]:
    """Parses only lines with one of `texts`, because the files have many spans of others."""
    sought = [text.encode() for text in texts]
    for path in sorted(folder.glob("*.jsonl*")):
        with path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"}\n") and any(text in line for text in sought):  # the last one may be half written
                    yield Recorded(**json.loads(line))


def traces_of(spans: Iterable[Recorded]) -> list[list[Recorded]]:
    """The spans of each trace, the earliest trace first."""
    found: dict[str, list[Recorded]] = {}
    for span in sorted(spans, key=lambda span: (span.start, span.end)):
        found.setdefault(span.trace_id, []).append(span)
    return [*found.values()]


def tree(spans: list[Recorded]) -> list[Node]:
    """The spans of one trace. Those whose parent was not recorded get a node without a span as their parent."""
    known = {span.span_id for span in spans}
    children: dict[str, list[Recorded]] = {}
    for span in spans:
        children.setdefault(span.parent_id, []).append(span)

    def node(span: Recorded) -> Node:
        return Node(span, tuple(map(node, children.get(span.span_id, []))))

    roots = [*map(node, children.get("", []))]
    lost = [Node(None, tuple(map(node, children[it]))) for it in children if it and it not in known]
    return sorted(roots + lost, key=lambda it: it.start)
