"""The page on performance shows the stored results, and `make bench-check` fails below its floors."""

import json
from typing import Any

import pytest

from bench import picture
from bench.floors import FLOORS, PEER, below
from docs.generate import PERFORMANCE, performance_page

RESULTS = json.loads(PERFORMANCE.read_text(encoding="utf-8"))


def results(ratio: float) -> dict[str, Any]:
    """In which the peer uses `ratio` times the CPU of Shopwire."""
    arms = {"Shopwire": {"rounds": [{"cpu": 1.0}] * 3}, PEER: {"rounds": [{"cpu": ratio}] * 3}}
    return {"scenarios": dict.fromkeys(FLOORS, arms)}


def test_page_and_picture_show_the_stored_results() -> None:
    """`make docs` updates them."""
    page = PERFORMANCE.with_suffix(".md").read_text(encoding="utf-8")
    assert page == performance_page(page, RESULTS)
    assert PERFORMANCE.with_suffix(".svg").read_text(encoding="utf-8") == picture.draw(RESULTS)


def test_stored_results_are_above_the_floors() -> None:
    assert list(below(RESULTS)) == []


@pytest.mark.parametrize("scenario", FLOORS)
def test_a_ratio_below_its_floor_and_a_missing_one_fail(scenario: str) -> None:
    floor = FLOORS[scenario]
    assert not [line for line in below(results(floor * 1.01)) if line.startswith(scenario)]
    assert [line for line in below(results(floor * 0.99)) if line.startswith(scenario)]
    assert [line for line in below({"scenarios": {}}) if line.startswith(scenario)]
