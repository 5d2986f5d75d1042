"""The report's data and picture, from a record and orders that are known."""

import json
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from docs.generate import LOAD, load_page
from load import picture, report
from load.books import compare
from load.orders import Order
from load.record import Entry, Written
from load.series import Sample

OUTAGE = {"process": "ordering-consumer", "from": 3, "to": 6}
WRITTEN = Written(
    100.0,
    [
        Entry(101.0, "ann", "k-1"),
        Entry(101.5, "ann", "k-1", 202, "o-1", 31.4),
        Entry(104.0, "ann", "k-2", 202, "o-2", 45.2),
    ],
)
ORDERS = [Order("o-1", "ann", "CONFIRMED", 101.6, 102.0), Order("o-2", "ann", "CANCELLED", 106.5, 107.0)]
SAMPLES = [Sample(99.0, 9, 9), Sample(102.0, 0, 1), Sample(105.0, 1, 0), Sample(120.0, 9, 9)]


def made(**changes: Any) -> dict[str, Any]:
    figures = report.figures(WRITTEN, ORDERS, SAMPLES, OUTAGE)
    about = {"made": "2026-11-27", "machine": "Linux", "seed": 1, "requests": []}
    return about | {"books": report.books(compare(WRITTEN, ORDERS))} | figures | changes


def texts(drawn: str) -> list[str]:
    return ["".join(it.itertext()) for it in ET.fromstring(drawn) if it.tag.endswith("text")]  # noqa: S314 our own


def test_the_time_goes_from_the_beginning_to_the_last_order() -> None:
    assert made()["seconds"] == 7.0


def test_customers_are_those_of_the_record_for_the_time_in_which_they_bought() -> None:
    assert (made()["customers"], made()["load"]) == (1, 4)


def test_samples_outside_that_time_are_left_out() -> None:
    assert [it["at"] for it in made()["queue"]] == [2.0, 5.0]


def test_the_latencies_of_all_checkouts_are_summed_up() -> None:
    assert made()["all"] == {"until the 202": [31, 45, 45], "from the 202 to the order's end": [500, 3000, 3000]}


def test_the_books_are_in_the_data() -> None:
    assert made()["books"] == {
        "accepted": 2,
        "final": {"CANCELLED": 1, "CONFIRMED": 1},
        "under way": 0,
        "lost": 0,
        "duplicated": 0,
        "without an answer": 0,
    }


def test_a_run_without_a_checkout_has_no_report() -> None:
    with pytest.raises(ValueError, match="no checkout was accepted"):
        report.figures(Written(100.0, []), [], [], None)


def test_the_picture_has_three_panels_and_the_outage_in_each() -> None:
    drawn = picture.draw(made())
    said = texts(drawn)
    for panel in ("per second", "latency", "order queue"):
        assert [text for text in said if text.startswith(panel)]
    assert drawn.count('opacity="0.2"') == 3
    assert [text for text in said if "ordering-consumer is stopped" in text]


def test_a_run_without_an_outage_has_no_shade() -> None:
    assert 'opacity="0.2"' not in picture.draw(made(outage=None))


def test_the_picture_has_two_rates_six_percentiles_depth_and_age() -> None:
    assert picture.draw(made()).count("<polyline") == 2 + 6 + 2


def test_no_point_is_outside_the_picture() -> None:
    drawn = ET.fromstring(picture.draw(made()))  # noqa: S314 our own
    _, _, width, height = map(float, drawn.attrib["viewBox"].split())
    lines = [it.attrib["points"] for it in drawn if it.tag.endswith("polyline")]
    points = [tuple(map(float, point.split(","))) for line in lines for point in line.split()]
    assert points
    assert all(0 <= x <= width and 0 <= y <= height for x, y in points)


def test_the_tables_have_the_books_and_the_latencies() -> None:
    row = {"name": "GET /product", "count": 1234, "failures": 0, "p50": 5, "p95": 9, "p99": 12}
    tables = report.section(made(requests=[row]))
    assert "| checkouts accepted | 2 |" in tables
    assert "| lost | 0 |" in tables
    assert "| until the 202 | 31 | 45 | 45 |" in tables
    assert "| GET /product | 1,234 | 0 | 5 | 9 | 12 |" in tables


def test_the_page_and_its_picture_show_the_stored_data() -> None:
    """`make docs` updates them."""
    stored = json.loads(LOAD.read_text(encoding="utf-8"))
    page = LOAD.with_suffix(".md").read_text(encoding="utf-8")
    assert page == load_page(page, stored)
    assert LOAD.with_suffix(".svg").read_text(encoding="utf-8") == picture.draw(stored)
