"""Draws the metrics as a table with sparklines."""

from collections.abc import Iterable, Iterator, Sequence

from shop.metrics.history import WINDOW, Row

BARS = "▁▂▃▄▅▆▇█"
HEAD = ("process", "metric", "now")


def table(rows: Iterable[Row]) -> Iterator[str]:
    found = [(row.process, row.metric.name, row.now, sparkline(row.columns)) for row in rows]
    widths = [max(len(cells[i]) for cells in [HEAD, *(each[:3] for each in found)]) for i in range(3)]
    yield _line((*HEAD, f"last {WINDOW / 60:g} minutes"), widths)
    before = ""
    for process, *cells in found:
        yield _line((process if process != before else "", *cells), widths)
        before = process


def sparkline(columns: Sequence[float | None]) -> str:
    """A bar for each column from zero to the highest, and a space where nothing was reported."""
    highest = max((value for value in columns if value is not None), default=0) or 1
    return "".join(" " if value is None else BARS[round(value / highest * (len(BARS) - 1))] for value in columns)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join([*(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=False)), cells[-1]]).rstrip()
