"""Draws a run: three panels over one time axis, with the outage shaded."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docs.chart import COLOURS, Panel, svg

LEFT, WIDTH, HEIGHT, TOP, SPACE, RIGHT, BOTTOM = 70, 620, 120, 30, 50, 70, 50
ORANGE, BLUE, GREEN = COLOURS[:3]
STYLES = ("", 'stroke-opacity="0.6"', 'stroke-dasharray="3 3"')  # of p50, p95 and p99
TICKS = 6
TITLE = "Checkouts accepted and orders finished, latencies, and the order queue, with an outage of its consumer"
Report = Mapping[str, Any]


def draw(report: Report) -> str:
    """`report` is what `load.report` writes as JSON."""
    height = TOP + 3 * (HEIGHT + SPACE) - SPACE + BOTTOM
    parts = [part for panel in (_rates, _latencies, _queue) for part in panel(report)]
    return svg(LEFT + WIDTH + RIGHT, height, TITLE, [*parts, *_seconds(report)])


def _rates(report: Report) -> Iterator[str]:
    bins = report["bins"]
    high = _round_up(max(max(it["accepted"], it["finished"]) for it in bins))
    panel = _panel(report, 0, high)
    yield from _begin(panel, report, "per second", ("checkouts accepted", ORANGE), ("orders finished", BLUE))
    yield from panel.left_labels((it, f"{it:g}") for it in (0, high / 2, high))
    yield panel.line(_middles(report, [it["finished"] for it in bins]), BLUE)
    yield panel.line(_middles(report, [it["accepted"] for it in bins]), ORANGE)


def _latencies(report: Report) -> Iterator[str]:
    values = [value for it in report["bins"] for value in (*it["answer"], *it["end"])]
    low, high = 10 ** math.floor(math.log10(min(values))), 10 ** math.ceil(math.log10(max(values)))
    panel = _panel(report, 1, max(high, low * 10), low, logarithmic=True)
    what = "latency (p50, p95 faint, p99 dashed)"
    yield from _begin(panel, report, what, ("until the 202", ORANGE), ("from the 202 to the order's end", BLUE))
    marks = [10.0**power for power in range(round(math.log10(panel.y_low)), round(math.log10(panel.y_high)) + 1)]
    yield from panel.left_labels((it, f"{it:g} ms" if it < 1000 else f"{it / 1000:g} s") for it in marks)
    for name, colour in (("end", BLUE), ("answer", ORANGE)):
        for number, style in enumerate(STYLES):
            values = [it[name][number] if it[name] else None for it in report["bins"]]
            yield panel.line(_middles(report, values), colour, style)


def _queue(report: Report) -> Iterator[str]:
    queue = report["queue"]
    messages, age = (_round_up(max((it[name] for it in queue), default=0)) for name in ("messages", "age"))
    panel = _panel(report, 2, messages)
    ages = _panel(report, 2, age)
    legend = ("messages (left)", ORANGE), ("age of the oldest, seconds (right)", BLUE)
    yield from _begin(panel, report, "order queue", *legend)
    yield from panel.left_labels((it, f"{it:g}") for it in (0, messages / 2, messages))
    yield from ages.right_labels((it, f"{it:g}") for it in (0, age / 2, age))
    yield ages.line(((it["at"], it["age"]) for it in queue), BLUE)
    yield panel.line(((it["at"], it["messages"]) for it in queue), ORANGE)


def _panel(report: Report, number: int, high: float, low: float = 0, *, logarithmic: bool = False) -> Panel:
    top = TOP + number * (HEIGHT + SPACE)
    return Panel(LEFT, top, WIDTH, HEIGHT, report["seconds"], high, low, logarithmic)


def _begin(panel: Panel, report: Report, name: str, *legend: tuple[str, str]) -> Iterator[str]:
    if outage := report["outage"]:
        yield panel.band(outage["from"], outage["to"])
        if panel.top == TOP:
            begin, said = panel.x(outage["from"]), f"{outage['process']} is stopped"
            yield f'<text x="{begin}" y="{panel.top + 14}" dx="4">{said}</text>'
    yield panel.frame()
    colours = "".join(f'<tspan dx="14" style="fill: {colour}">{text}</tspan>' for text, colour in legend)
    yield f'<text x="{panel.left}" y="{panel.top - 8}"><tspan class="name">{name}</tspan>{colours}</text>'


def _middles(report: Report, values: Sequence[float | None]) -> list[tuple[float, float]]:
    """Points in the middle of their bins. A bin without a value has no point."""
    half = report["width"] / 2
    pairs = zip(report["bins"], values, strict=True)
    return [(min(it["begin"] + half, report["seconds"]), value) for it, value in pairs if value is not None]


def _seconds(report: Report) -> Iterator[str]:
    panel = _panel(report, 2, 1)
    step = _round_up(report["seconds"] / TICKS)
    marks = [step * number for number in range(TICKS + 1) if step * number <= report["seconds"]]
    yield from panel.bottom_labels((it, f"{it:g}") for it in marks)
    yield f'<text x="{panel.right}" y="{panel.bottom + 34}" text-anchor="end">seconds</text>'


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 with zeros: 2 for 1.3, 50 for 31."""
    if value <= 0:
        return 1
    unit = 10.0 ** math.floor(math.log10(value))
    return next(step * unit for step in (1, 2, 5, 10) if step * unit >= value)
