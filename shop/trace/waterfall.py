"""Draws the spans of a trace as a waterfall: one line per span, its place in the tree, its time, and a bar."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from chassis.core.text import legible
from shop.trace.records import Node, Recorded, tree

MILLISECOND = 1_000_000  # nanoseconds
LEAST_BAR = 20  # columns
UNRECORDED = "? not recorded"
NOTE = "?  Its process ended first, is still at work, or is not part of this shop."
GAP = "≈"
GAP_NOTE = "≈  Nothing happened here for long, so this time is drawn shorter."
SHOWN_KIND = {"message", "step", "relay", "sweep"}


class Gap(NamedTuple):
    """A time without any span, and the length at which it is drawn, all in nanoseconds."""

    start: int
    end: int
    drawn: int


class Scale:
    """Columns for moments. A gap that is longer than all spans together is drawn as a tenth of them."""

    def __init__(self, spans: list[Recorded], columns: int) -> None:
        self._start, self.end = spans[0].start, max(span.end for span in spans)
        self._columns = columns
        self.gaps = _gaps(spans)
        self._length = max(1, self._drawn(self.end))

    def column(self, moment: int) -> int:
        return min(self._columns - 1, self._drawn(moment) * self._columns // self._length)

    def bar(self, span: Recorded | None) -> str:
        cells = [" "] * self._columns
        for gap in self.gaps:
            cells[(self.column(gap.start) + self.column(gap.end)) // 2] = GAP
        if span:
            first, last = self.column(span.start), self.column(span.end)
            cells[first : last + 1] = "█" * (last + 1 - first)
        return "".join(cells).rstrip()

    def _drawn(self, moment: int) -> int:
        """Nanoseconds from the start to `moment`, with the gaps shortened."""
        saved = sum(
            (min(moment, gap.end) - gap.start) * (gap.end - gap.start - gap.drawn) // (gap.end - gap.start)
            for gap in self.gaps
            if moment > gap.start
        )
        return moment - self._start - saved


def _gaps(spans: list[Recorded]) -> list[Gap]:
    """`spans` are sorted by their start."""
    idle: list[tuple[int, int]] = []
    end = spans[0].end
    for span in spans:
        if span.start > end:
            idle.append((end, span.start))
        end = max(end, span.end)
    busy = end - spans[0].start - sum(after - before for before, after in idle)
    return [Gap(before, after, busy // 10) for before, after in idle if after - before > busy]


def draw(spans: list[Recorded], width: int) -> Iterator[str]:
    """`spans` are those of one trace, the earliest first."""
    rows = [row for node in tree(spans) for row in _rows(node, 0)]
    names = [f"{'  ' * depth}{label(node.span)}" for depth, node in rows]
    wide, process = max(map(len, names)), max(len(span.process) for span in spans)
    scale = Scale(spans, max(LEAST_BAR, width - wide - process - 24))
    yield from _head(spans)
    for name, (_, node) in zip(names, rows, strict=True):
        its, times = node.span, _times(node.span, spans[0].start)
        yield f"{name:<{wide}}  {its.process if its else '':<{process}}  {times}  {scale.bar(its)}".rstrip()
    if any(node.span is None for _, node in rows):
        yield NOTE
    if scale.gaps:
        yield GAP_NOTE


def brief(spans: list[Recorded]) -> str:
    """One line, for a trace that is only one of many."""
    return f"Trace {spans[0].trace_id}: {label(spans[0])} in {spans[0].process}, {_seconds(spans):.3f} s"


def outline(nodes: Iterable[Node]) -> Iterator[str]:
    """The tree alone, without times."""
    for depth, node in (row for each in nodes for row in _rows(each, 0)):
        process = f"{node.span.process}  " if node.span else ""
        yield f"{'  ' * depth}{process}{label(node.span)}"


def _head(spans: list[Recorded]) -> Iterator[str]:
    count = len({span.process for span in spans})
    yield f"Trace {spans[0].trace_id}: {len(spans)} spans of {count} processes in {_seconds(spans):.3f} s"
    for name, title in (("correlation_id", "correlation"), ("order_id", "order")):
        if values := dict.fromkeys(str(span.fields[name]) for span in spans if name in span.fields):
            yield f"  {title} {legible(', '.join(values))}"


def _seconds(spans: list[Recorded]) -> float:
    return (max(span.end for span in spans) - spans[0].start) / MILLISECOND / 1000


def _rows(node: Node, depth: int) -> Iterator[tuple[int, Node]]:
    yield depth, node
    for child in node.children:
        yield from _rows(child, depth + 1)


def label(span: Recorded | None) -> str:
    """A span in a few words."""
    if span is None:
        return UNRECORDED
    words = [
        span.kind if span.kind in SHOWN_KIND else "",
        span.name,
        str(span.fields.get("on", "")).replace(":", "/").rpartition("/")[2],
        str(span.fields.get("status", "")),
        f"{span.fields['retries']} retries" if "retries" in span.fields else "",
        f"failed: {span.fields['error']}" if "error" in span.fields else "",
    ]
    return legible(" ".join(word for word in words if word))


def _times(span: Recorded | None, start: int) -> str:
    if span is None:
        return " " * 20
    after, took = (span.start - start) / MILLISECOND, (span.end - span.start) / MILLISECOND
    return f"{after:>8.1f} {took:>7.1f} ms"
