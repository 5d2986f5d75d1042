"""The map of a shop: boxes in columns from the publishers to the dead-letter queues, and lines between them.

The page draws it as SVG with a monospaced font, so that a label's width is known without the font.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bootstrap.flows import Flows
from shop.room.nodes import COLUMNS, NOTE, Link, Node, columns, links

GAP, BETWEEN = 10, 34  # between the boxes of a column, and between two columns
TOP = NOTE + 4  # above the boxes, for the titles of the columns


@dataclass(frozen=True)
class Box:
    node: Node
    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


class Line(NamedTuple):
    """`kind` is event, command, start or dead. `path` is the attribute `d` of SVG."""

    id: str
    kind: str
    path: str


class Title(NamedTuple):
    text: str
    x: float


class Picture(NamedTuple):
    titles: Sequence[Title]
    boxes: Sequence[Box]
    lines: Sequence[Line]
    width: float
    height: float


def draw(flows: Flows) -> Picture:
    found = columns(flows)
    slots = [len(column) * (max(node.height for node in column) + GAP) for column in found if column]
    height, x, boxes, titles = max(slots), 0.0, dict[str, Box](), list[Title]()
    for title, column in zip(COLUMNS, found, strict=True):
        if not column:
            continue
        titles.append(Title(title, x))
        width = max(node.width for node in column)
        boxes |= {box.node.id: box for box in _stacked(column, x, width, height)}
        x += width + BETWEEN
    drawn = dict.fromkeys(link for link in links(flows) if {link.start, link.end} <= boxes.keys())
    lines = [Line(link.id, link.kind, _path(link, boxes)) for link in drawn]
    return Picture(titles, [*boxes.values()], lines, x - BETWEEN, TOP + height)


def _stacked(column: Sequence[Node], x: float, width: float, height: float) -> Iterator[Box]:
    """Spread over the whole height. A single box fills it."""
    slot = height / len(column)
    for number, node in enumerate(column):
        tall = height - GAP if node.kind == "bus" else node.height
        yield Box(node, x, TOP + slot * (number + 0.5) - tall / 2, width, tall)


def _path(link: Link, boxes: Mapping[str, Box]) -> str:
    """From the right of a box to the left of another. The bus is met at the height of the other box."""
    start, end = boxes[link.start], boxes[link.end]
    y1 = end.middle if start.node.kind == "bus" else start.middle
    y2 = start.middle if end.node.kind == "bus" else end.middle
    x1, x2 = start.right, end.x
    if end.node.kind == "bus" and start.node.kind == "publisher":  # above the outbox and the relay
        top = start.y - GAP
        return f"M{x1:.0f} {y1:.0f}C{x1 + 20:.0f} {y1:.0f} {x1:.0f} {top:.0f} {x1 + 30:.0f} {top:.0f}H{x2:.0f}"
    bend = (x2 - x1) / 2
    if end.x < start.x:  # backwards, behind the boxes
        x1, x2, bend = start.x, end.right, -BETWEEN
    return f"M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
