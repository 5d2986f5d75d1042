"""The dashboards in CloudWatch: their widgets, the resources in the templates, and a picture of one.

`python -m docs.generate` writes the resources into the templates, because a dashboard's body is JSON in a string.
"""

import json
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from bootstrap.manifests import ROOT, Manifest, Process, manifests
from chassis.core.measured import (
    AWS_FAILURES,
    AWS_LATENCY,
    AWS_RETRIES,
    CONFLICTING,
    HANDLED,
    HELD_BACK,
    OUT_OF_RANGE,
    OUTBOX_AGE,
    OUTBOX_BACKLOG,
    RELAYED,
    REQUEST_LATENCY,
    RESPONSES,
    RETRIED,
    UNREADABLE,
)  # fmt: skip
from chassis.core.metrics import NAMESPACE, Kind, Metric
from services.ordering.metrics import FINAL, OPEN_FIVE_MINUTES, OPEN_HOUR, TIME_TO_FINAL

WIDTH, HEIGHT = 8, 6  # of a widget, in the units of CloudWatch: a page is 24 wide
COLUMNS = 24 // WIDTH
PERIOD = 60  # seconds
PERCENTILES = ("p50", "p95", "p99")
BEGIN, END = "  # what follows is written by `make docs`\n", "  # end of what `make docs` writes\n"


class Line(NamedTuple):
    process: str
    metric: Metric

    @property
    def statistics(self) -> Sequence[str]:
        return {Kind.SUM: ("Sum",), Kind.HIGHEST: ("Maximum",), Kind.SPREAD: PERCENTILES}[self.metric.kind]


class Widget(NamedTuple):
    title: str
    lines: Sequence[Line]


def page_of(manifest: Manifest) -> list[Widget]:
    """The widgets of one service, by its processes."""
    return [widget for process in manifest.process for widget in _of_process(process)]


def _of_process(process: Process) -> Iterator[Widget]:
    name = process.name
    if process.serve:
        yield Widget(f"{name}: latency of requests", [Line(name, REQUEST_LATENCY)])
        yield Widget(f"{name}: responses by status", [Line(name, RESPONSES[hundred]) for hundred in (2, 4, 5)])
    elif name.endswith("-relay"):
        yield Widget(f"{name}: age of the oldest event", [Line(name, OUTBOX_AGE)])
        yield Widget(f"{name}: backlog, and events published", [Line(name, OUTBOX_BACKLOG), Line(name, RELAYED)])
    else:
        yield Widget(f"{name}: messages", [Line(name, metric) for metric in (HANDLED, RETRIED, HELD_BACK)])
        yield Widget(f"{name}: dead letters", [Line(name, each) for each in (UNREADABLE, CONFLICTING, OUT_OF_RANGE)])
    yield Widget(f"{name}: calls to AWS", [Line(name, each) for each in (AWS_LATENCY, AWS_RETRIES, AWS_FAILURES)])


def way_of_an_order() -> list[Widget]:
    """From the checkout to the final status, in the sequence in which an order meets them."""
    relays = [f"{name}-relay" for name in ("basket", "ordering")]
    late = (OPEN_FIVE_MINUTES, OPEN_HOUR)
    consumers = ("ordering-consumer", "stock-consumer", "payment-consumer", "ordering-commands")
    return [
        Widget("1. checkout: responses of basket", [Line("basket", RESPONSES[hundred]) for hundred in (2, 4, 5)]),
        Widget("1. checkout: latency", [Line("basket", REQUEST_LATENCY)]),
        Widget("2. outbox: age of the oldest event", [Line(name, OUTBOX_AGE) for name in relays]),
        Widget("3. messages handled", [Line(name, HANDLED) for name in consumers]),
        Widget("3. messages retried", [Line(name, RETRIED) for name in consumers]),
        Widget("3. dead letters: unreadable", [Line(name, UNREADABLE) for name in consumers]),
        Widget("4. orders by final status", [Line("ordering-commands", metric) for metric in FINAL.values()]),
        Widget("4. from the 202 to the final status", [Line("ordering-commands", TIME_TO_FINAL)]),
        Widget("4. orders open for too long", [Line("ordering-commands", each) for each in late]),
    ]  # fmt: skip


def body(widgets: Sequence[Widget]) -> dict[str, Any]:
    """As CloudWatch takes it ("Dashboard body structure and syntax", CloudWatch API Reference), for `Fn::Sub`."""
    return {"widgets": [_widget(widget, number) for number, widget in enumerate(widgets)]}


def _widget(widget: Widget, number: int) -> dict[str, Any]:
    metrics = [
        [NAMESPACE, line.metric.name, "Shop", "${Shop}", "Process", line.process, {"stat": statistic}]
        for line in widget.lines
        for statistic in line.statistics
    ]
    properties = {"title": widget.title, "region": "${AWS::Region}", "period": PERIOD, "metrics": metrics}
    place = {"x": number % COLUMNS * WIDTH, "y": number // COLUMNS * HEIGHT, "width": WIDTH, "height": HEIGHT}
    return {"type": "metric", **place, "properties": properties}


def resource(logical_id: str, name: str, widgets: Sequence[Widget]) -> str:
    """The YAML of a dashboard, which only AWS gets. One line for each widget."""
    lines = ",\n".join(f"          {json.dumps(widget)}" for widget in body(widgets)["widgets"])
    return (
        f"  {logical_id}:\n    Type: AWS::CloudWatch::Dashboard\n    Condition: OnAws\n"
        "    DeletionPolicy: Delete\n    UpdateReplacePolicy: Delete\n    Properties:\n"
        f"      DashboardName: !Sub ${{Shop}}-{name}\n"
        f'      DashboardBody: !Sub |\n        {{"widgets": [\n{lines}\n        ]}}\n'
    )


def templates() -> Iterator[tuple[Path, str]]:
    """Each template that has dashboards, and their YAML: the platform's is the way of an order, over all services."""
    order = resource("WayOfAnOrderDashboard", "way-of-an-order", way_of_an_order())
    yield ROOT / "bootstrap" / "platform.yaml", order
    for manifest in manifests():
        path = ROOT / "services" / manifest.service / "template.yaml"
        if path.exists():
            name = manifest.service
            yield path, resource(f"{name.title()}Dashboard", name, page_of(manifest))


def filled(template: str, written: str) -> str:
    before, _, rest = template.partition(BEGIN)
    return before + BEGIN + written + END + rest.partition(END)[2]


def picture(widgets: Sequence[Widget]) -> str:
    """The widgets of a page as an SVG: their places, titles and lines. A real one has the courses of the values."""
    unit, rows = 42, -(-len(widgets) // COLUMNS)
    size = f"{24 * unit} {rows * HEIGHT * unit // 2}"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" role="img">'
    style = (
        "<style>text { font: 13px system-ui, sans-serif; fill: #24292f } .title { font-weight: bold } "
        "rect { fill: none; stroke: #9ca3af } @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }</style>"
    )
    title = (
        "<title>The dashboard of the way of an order: nine widgets in the sequence in which an order meets them</title>"
    )
    return "\n".join([head, style, title, *(text for w in _placed(widgets) for text in _drawn(*w, unit)), "</svg>", ""])


def _placed(widgets: Sequence[Widget]) -> Iterator[tuple[Widget, dict[str, Any]]]:
    return zip(widgets, body(widgets)["widgets"], strict=True)


def _drawn(widget: Widget, place: dict[str, Any], unit: int) -> Iterator[str]:
    x, y = place["x"] * unit, place["y"] * unit // 2
    yield f'<rect x="{x + 4}" y="{y + 4}" width="{WIDTH * unit - 8}" height="{HEIGHT * unit // 2 - 8}" rx="4"/>'
    yield f'<text x="{x + 14}" y="{y + 24}" class="title">{escape(widget.title)}</text>'
    for number, line in enumerate(widget.lines):
        spread = f" {', '.join(line.statistics)}" if line.metric.kind is Kind.SPREAD else ""
        text = escape(f"{line.metric.name}{spread} · {line.process}")
        yield f'<text x="{x + 14}" y="{y + 46 + 18 * number}">{text}</text>'
