"""The trail of an order or a request: what passed the bus and what each process did, in the sequence of time."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from chassis.core import instants
from shop.room.ring import Seen
from shop.trace.records import Recorded, read, traces_of
from shop.trace.waterfall import draw, label

SHOWN = {"request", "message", "step", "relay", "sweep"}  # kinds of spans. The others are calls within them.
MILLISECOND = 1_000_000  # nanoseconds
WIDTH = 130  # characters of a waterfall


class Step(NamedTuple):
    """`at` is an instant, `took` is in milliseconds, or None for an event."""

    at: str
    where: str
    what: str
    took: float | None


def steps(events: Iterable[Seen], spans: Iterable[Recorded]) -> list[Step]:
    """Events and spans may come in any sequence. An event is where it occurred, however late it was published."""
    found = [Step(seen.occurred, "event", f"{seen.type} {seen.summary}".strip(), None) for seen in events]
    found += [
        Step(_instant(span.start), span.process, label(span), (span.end - span.start) / MILLISECOND)
        for span in spans
        if span.kind in SHOWN
    ]
    return sorted(found, key=lambda step: step.at)


def spans_of(folder: Path | None, wanted: str) -> list[Recorded]:
    """None where the processes record none."""
    return read(folder, wanted) if folder and folder.is_dir() else []


def waterfalls(spans: Iterable[Recorded]) -> Sequence[str]:
    return ["\n".join(draw(trace, WIDTH)) for trace in traces_of(spans)]


def _instant(nanoseconds: int) -> str:
    return instants.write(datetime.fromtimestamp(nanoseconds / 1e9, UTC))
