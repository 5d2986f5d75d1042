"""Draws how a backlog grows and drains, as an SVG that is readable on a light and on a dark page."""

from collections.abc import Sequence

from docs.chart import COLOURS, Panel, svg
from simulate.scenarios import MINUTE, OUTAGE, Drain

LEFT, WIDTH, HEIGHT, TOP, BOTTOM = 70, 620, 240, 30, 40
MINUTES = 16
EVERY = 10  # seconds between two points
TITLE = "Events that wait during and after an outage of EventBridge, with one and with several relays"


def draw(drains: Sequence[Drain], rate: float) -> str:
    most = rate * OUTAGE
    panel = Panel(LEFT, TOP, WIDTH, HEIGHT, MINUTES, most)
    lines = [panel.band(0, OUTAGE / MINUTE)]
    lines.append(f'<text x="{panel.x(0.2)}" y="{TOP + 16}">EventBridge is out</text>')
    lines += panel.left_labels((n, f"{n:,.0f}") for n in (0, most / 2, most))
    lines += panel.bottom_labels((n, f"{n}") for n in range(0, MINUTES + 1, 2))
    lines.append(f'<text x="{panel.right}" y="{panel.bottom + 34}" text-anchor="end">minutes</text>')
    lines.append(f'<text x="{LEFT}" y="16" class="name">Events that wait, at {rate:,.0f} checkouts a second</text>')
    for number, each in enumerate(drains):
        points = [(at / MINUTE, rows) for at, rows in [*each.rows[::EVERY], each.rows[-1]]]
        lines.append(panel.line(points, COLOURS[number]))
        label = f"{each.relays} relay{'s' if each.relays > 1 else ''}: {each.seconds / MINUTE:.1f} minutes"
        lines.append(
            f'<text x="{panel.x(12.6)}" y="{TOP + 16 + 18 * number}" style="fill: {COLOURS[number]}">{label}</text>'
        )
    return svg(LEFT + WIDTH + 20, TOP + HEIGHT + BOTTOM, TITLE, lines)
