"""The trail of an order, from events and spans in any sequence."""

from itertools import permutations
from pathlib import Path

from shop.room import trail
from shop.room.ring import Ring
from shop.trace.records import Recorded
from tests.shop.room.rooms import event

SECOND = 1_000_000_000
BEGIN = 1_795_774_530 * SECOND  # 2026-11-27


def span(start: int, kind: str, name: str, process: str = "basket") -> Recorded:
    return Recorded("t-1", name, "", process, kind, name, BEGIN + start * SECOND, BEGIN + start * SECOND + 5_000_000)


SPANS = [
    span(0, "request", "POST"),
    span(3, "message", "CheckoutBasket", "ordering-consumer"),
    span(1, "call", "PutItem"),
]


def test_steps_are_sorted_by_time_whatever_came_first() -> None:
    ring = Ring()
    ring.add(event(), [], 1)
    shown = {tuple(trail.steps(ring.all(), spans)) for spans in permutations(SPANS)}
    assert len(shown) == 1
    [steps] = shown
    assert [(step.where, step.took) for step in steps if step.where != "event"] == [
        ("basket", 5.0),
        ("ordering-consumer", 5.0),
    ]
    assert [step.at for step in steps] == sorted(step.at for step in steps)


def test_event_is_found_by_its_correlation_its_order_and_its_id() -> None:
    ring = Ring()
    ring.add(event(7), [], 1)
    [seen] = ring.all()
    assert [wanted for wanted in ("c-7", "o-7", "c-8", "") if seen.is_of(wanted)] == ["c-7", "o-7"]


def test_containers_have_no_spans(tmp_path: Path) -> None:
    assert trail.spans_of(None, "c-1") == []
    assert trail.spans_of(tmp_path / "none", "c-1") == []
    assert [*trail.waterfalls([])] == []


def test_waterfall_is_that_of_shop_trace() -> None:
    [text] = trail.waterfalls(SPANS)
    assert "POST" in text
    assert "ordering-consumer" in text
