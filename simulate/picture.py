"""Draws how a backlog grows and drains, as an SVG that is readable on a light and on a dark page."""

from collections.abc import Sequence

from bench.picture import COLOURS, STYLE
from simulate.scenarios import MINUTE, OUTAGE, Drain

LEFT, WIDTH, HEIGHT, TOP, BOTTOM = 70, 620, 240, 30, 40
MINUTES = 16
EVERY = 10  # seconds between two points


def draw(drains: Sequence[Drain], rate: float) -> str:
    most = rate * OUTAGE
    width, low = WIDTH * OUTAGE / MINUTE / MINUTES, TOP + HEIGHT

    def x(minutes: float) -> str:
        return f"{LEFT + WIDTH * minutes / MINUTES:.1f}"

    def y(rows: float) -> str:
        return f"{TOP + HEIGHT * (1 - rows / most):.1f}"

    lines = [f'<rect x="{x(0)}" y="{TOP}" width="{width:.1f}" height="{HEIGHT}" fill="#9ca3af" opacity="0.2"/>']
    lines.append(f'<text x="{x(0.2)}" y="{TOP + 16}">EventBridge is out</text>')
    lines += [f'<text x="{LEFT - 8}" y="{y(n)}" text-anchor="end">{n:,.0f}</text>' for n in (0, most / 2, most)]
    lines += [f'<text x="{x(n)}" y="{low + 18}" text-anchor="middle">{n}</text>' for n in range(0, MINUTES + 1, 2)]
    lines.append(f'<text x="{LEFT + WIDTH}" y="{low + 34}" text-anchor="end">minutes</text>')
    lines.append(f'<text x="{LEFT}" y="16" class="name">Events that wait, at {rate:,.0f} checkouts a second</text>')
    for number, each in enumerate(drains):
        points = " ".join(f"{x(at / MINUTE)},{y(rows)}" for at, rows in [*each.rows[::EVERY], each.rows[-1]])
        lines.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[number]}" stroke-width="2"/>')
        label = f"{each.relays} relay{'s' if each.relays > 1 else ''}: {each.seconds / MINUTE:.1f} minutes"
        lines.append(f'<text x="{x(12.6)}" y="{TOP + 16 + 18 * number}" style="fill: {COLOURS[number]}">{label}</text>')
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 20} {TOP + HEIGHT + BOTTOM}" role="img">'
    )
    title = (
        "<title>Events that wait during and after an outage of EventBridge, with one and with several relays</title>"
    )
    return "\n".join([head, f"<style>{STYLE}</style>", title, *lines, "</svg>", ""])
