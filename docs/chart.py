"""Lines over time as SVG that is readable on a light and on a dark page."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

COLOURS = ["#d97706", "#3b82f6", "#10b981", "#9ca3af", "#a855f7"]
GREY = COLOURS[3]
STYLE = """text { font: 12px system-ui, sans-serif; fill: #24292f } .name { font-weight: bold }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }"""
Point = tuple[float, float]


@dataclass(frozen=True)
class Panel:
    """A rectangle of the picture, in pixels, with the scales of what it shows.

    `x_end` is the value at its right edge. `y_low` and `y_high` are the values at its bottom and its top.
    """

    left: float
    top: float
    width: float
    height: float
    x_end: float
    y_high: float
    y_low: float = 0
    logarithmic: bool = False

    @property
    def right(self) -> float:
        return self.left + self.width

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def x(self, value: float) -> str:
        return f"{self.left + self.width * value / self.x_end:.1f}"

    def y(self, value: float) -> str:
        """Values outside the scale are drawn at its edge."""
        share = (self._scaled(value) - self._scaled(self.y_low)) / (
            self._scaled(self.y_high) - self._scaled(self.y_low)
        )
        return f"{self.top + self.height * (1 - min(1, max(0, share))):.1f}"

    def line(self, points: Iterable[Point], colour: str, style: str = "") -> str:
        """`style` has further attributes of the line."""
        drawn = " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)
        more = f" {style}" if style else ""
        return f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="2"{more}/>'

    def band(self, begin: float, end: float) -> str:
        width = self.width * (end - begin) / self.x_end
        place = f'x="{self.x(begin)}" y="{self.top}" width="{width:.1f}" height="{self.height}"'
        return f'<rect {place} fill="{GREY}" opacity="0.2"/>'

    def frame(self) -> str:
        place = f'x="{self.left}" y="{self.top}" width="{self.width}" height="{self.height}"'
        return f'<rect {place} fill="none" stroke="{GREY}" stroke-width="0.5"/>'

    def left_labels(self, labels: Iterable[tuple[float, str]]) -> Iterator[str]:
        for value, text in labels:
            yield f'<text x="{self.left - 8}" y="{self.y(value)}" dy="4" text-anchor="end">{text}</text>'

    def right_labels(self, labels: Iterable[tuple[float, str]]) -> Iterator[str]:
        for value, text in labels:
            yield f'<text x="{self.right + 8}" y="{self.y(value)}" dy="4">{text}</text>'

    def bottom_labels(self, labels: Iterable[tuple[float, str]]) -> Iterator[str]:
        for value, text in labels:
            yield f'<text x="{self.x(value)}" y="{self.bottom + 18}" text-anchor="middle">{text}</text>'

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, 1e-9)) if self.logarithmic else value


def svg(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
    return "\n".join([head, f"<style>{STYLE}</style>", f"<title>{title}</title>", *parts, "</svg>", ""])
