"""The ratios that CI requires. They lie far below what is measured, so noise cannot reach them."""

import statistics
from collections.abc import Iterator
from typing import Any

from bench.report import ratios

# By scenario: the CPU of the naive Flask + boto3 divided by that of Shopwire, at least.
FLOORS = {
    "GET one product": 0.7,
    "GET a category of 20": 0.5,
    "Add to a basket": 0.7,
    "Checkout": 0.3,
    "Consume the order queue": 1.8,
    "Relay an outbox": 3.0,
}
PEER = "Flask + boto3"


def below(results: dict[str, Any]) -> Iterator[str]:
    """A sentence for each ratio below its floor, and for each that was not measured."""
    for scenario, floor in FLOORS.items():
        arms = results["scenarios"].get(scenario, {})
        if PEER not in arms:
            yield f"{scenario}: not measured."
        elif (ratio := statistics.median(ratios(arms["Shopwire"], arms[PEER], "cpu"))) < floor:
            yield f"{scenario}: {PEER} uses {ratio:.2f} times the CPU of Shopwire, and {floor:.2f} is the least."
