"""Draws the results as an SVG that is readable on a light and on a dark page."""

import statistics
from collections.abc import Mapping
from html import escape
from typing import Any

from bench.report import column
from docs.chart import COLOURS, STYLE

LEFT, WIDTH, TEXT, BAR, SPACE, GAP = 200, 330, 290, 13, 3, 14


def draw(results: Mapping[str, Any]) -> str:
    """One bar per scenario and arm. The longest bar of a scenario is its fastest arm."""
    bars, y = [], SPACE
    for scenario, arms in results["scenarios"].items():
        bars.append(f'<text x="0" y="{y + BAR}" class="name">{escape(scenario)}</text>')
        rates = {name: statistics.median(column(arm, "rate")) for name, arm in arms.items()}
        for number, (name, rate) in enumerate(rates.items()):
            bars.append(_bar(y, f"{name}: {rate:,.0f} per second", rate / max(rates.values()), COLOURS[number]))
            y += BAR + SPACE
        y += GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + TEXT} {y}" role="img">'
    title = "<title>Requests, orders and events per second; longer is faster</title>"
    return "\n".join([head, f"<style>{STYLE}</style>", title, *bars, "</svg>", ""])


def _bar(y: int, text: str, share: float, colour: str) -> str:
    width = round(WIDTH * share)
    bar = f'<rect x="{LEFT}" y="{y}" width="{width}" height="{BAR}" rx="2" fill="{colour}"/>'
    return f'{bar}<text x="{LEFT + width + 6}" y="{y + BAR - 2}">{escape(text)}</text>'
