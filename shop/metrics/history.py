"""The metrics of the last minutes, from the lines that the processes wrote."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from chassis.core.metrics import Kind, Metric
from shop.metrics.known import known

COLUMN = 20.0  # seconds: a consumer without messages reports once in each long poll
COLUMNS = 24
WINDOW = COLUMN * COLUMNS


class Point(NamedTuple):
    """What one line says of one metric."""

    at: float  # seconds since 1970, at the end of the interval
    seconds: float  # length of the interval
    values: list[float]


class Row(NamedTuple):
    """One metric of one process. `columns` has None where nothing was reported."""

    process: str
    metric: Metric
    now: str
    columns: list[float | None]


class History:
    def __init__(self) -> None:
        self._metrics = {name: metric for name, (metric, _) in known().items()}
        self._points: dict[tuple[str, str], list[Point]] = defaultdict(list)

    def add(self, line: str) -> None:
        """Ignores a line that is incomplete, and metrics of another release."""
        try:
            fields = json.loads(line)
            at, seconds = datetime.fromisoformat(fields["timestamp"]).timestamp(), float(fields["seconds"])
        except (ValueError, KeyError):
            return
        for name in self._metrics.keys() & fields.keys():
            value = fields[name]
            values = value if isinstance(value, list) else [value]
            self._points[fields["process"], name].append(Point(at, seconds, values))

    def rows(self, now: float) -> Iterator[Row]:
        """By process, in the order of the list of metrics. Without those that were not reported within the window."""
        order = [*self._metrics]
        for (process, name), points in sorted(
            self._points.items(), key=lambda item: (item[0][0], order.index(item[0][1]))
        ):
            points[:] = [point for point in points if point.at > now - WINDOW]
            if points:
                yield _row(process, self._metrics[name], points, now)


def _row(process: str, metric: Metric, points: Sequence[Point], now: float) -> Row:
    columns: list[list[Point]] = [[] for _ in range(COLUMNS)]
    for point in points:
        columns[max(0, COLUMNS - 1 - int((now - point.at) // COLUMN))].append(point)
    return Row(process, metric, _now(metric, points), [_height(metric, found) if found else None for found in columns])


def _now(metric: Metric, points: Sequence[Point]) -> str:
    unit = {"Count": "", "Seconds": " s", "Milliseconds": " ms"}[metric.unit]
    if metric.kind is Kind.SPREAD:
        return "  ".join(f"p{p} {percentile(points, p):.3g}{unit}" for p in (50, 95, 99))
    if metric.kind is Kind.HIGHEST:
        return f"{points[-1].values[0]:g}{unit}"
    return f"{_rate(points):.3g}/s  {sum(point.values[0] for point in points):g} in all"


def _height(metric: Metric, points: Sequence[Point]) -> float:
    if metric.kind is Kind.SPREAD:
        return percentile(points, 95)
    return _rate(points) if metric.kind is Kind.SUM else max(point.values[0] for point in points)


def _rate(points: Sequence[Point]) -> float:
    return sum(point.values[0] for point in points) / max(sum(point.seconds for point in points), 0.1)


def percentile(points: Sequence[Point], percent: int) -> float:
    """The smallest value that so many percent of the values do not exceed ("nearest rank")."""
    values = sorted(value for point in points for value in point.values)
    return values[max(0, -(-len(values) * percent // 100) - 1)]
