"""The events in memory: a stream that goes on leaves none out and repeats none."""

import threading
from typing import Any

from shop.room.ring import Ring
from tests.shop.room.rooms import event


def ring(count: int, **limits: int) -> Ring:
    it = Ring(**limits)
    for number in range(1, count + 1):
        it.add(event(number), [], number)
    return it


def arrived(found: tuple[list[object], int]) -> list[object]:
    return [seen.arrived for seen in found[0]]  # type: ignore[attr-defined]


def test_a_stream_goes_on_after_its_last_event() -> None:
    it = ring(5)
    ids = [seen.id for seen in it.all()]
    assert len({*ids}) == 5
    assert arrived(it.after(ids[2])) == [4, 5]  # type: ignore[arg-type]
    assert arrived(it.after(ids[4])) == []  # type: ignore[arg-type]
    assert it.after(ids[2])[1] == 0


def test_a_first_stream_and_one_of_another_ring_get_everything() -> None:
    it, other = ring(3), ring(9)
    for last in ("", other.all()[-1].id, "nonsense", "-7"):
        found, missed = it.after(last)
        assert ([seen.arrived for seen in found], missed) == ([1, 2, 3], 0)


def test_a_stream_learns_how_many_events_are_no_longer_kept() -> None:
    it = ring(10, most=4)
    own = it.all()[0].id.partition("-")[0]
    found, missed = it.after(f"{own}-2")
    assert ([seen.arrived for seen in found], missed) == ([7, 8, 9, 10], 4)


def test_large_events_leave_room_for_others() -> None:
    it = ring(0, most_bytes=10_000)
    for number in range(5):
        it.add(event(number, address="x" * 4000), [], number)
    assert [seen.arrived for seen in it.all()] == [3, 4]


def test_a_stream_waits_for_the_next_event() -> None:
    it = ring(1)
    last = it.all()[0].id
    threading.Timer(0.05, lambda: it.add(event(2), [], 2)).start()
    assert arrived(it.after(last, within=10)) == [2]  # type: ignore[arg-type]


def test_it_knows_when_each_type_was_seen_last() -> None:
    it = ring(3)
    assert it.types["CheckoutBasket"] == (3, it.all()[-1].occurred)


def test_an_event_of_any_shape_is_shown() -> None:
    it = ring(0)
    shapes: list[dict[str, Any]] = [{}, {"detail": 7}, {"detail": {"data": [], "metadata": None}}, {"time": "2026"}]
    for shape in shapes:
        it.add(shape, [], 0)
    assert [seen.correlation for seen in it.all()] == [""] * 4
    assert it.all()[-1].occurred == "2026"
    assert '"?"' in it.all()[0].to_json()


def test_list_of_events_has_the_time_at_which_each_arrived_since_one_may_come_twice() -> None:
    it = Ring()
    it.add(event(1), [], 1_764_245_885_123)
    assert it.all()[0].time == "12:18:05.123"


def test_test_message_is_named_so_and_counts_as_no_event() -> None:
    it, message = Ring(), dict(event(1))
    message["detail"] = message["detail"] | {"metadata": message["detail"]["metadata"] | {"test": "doctor-1"}}
    it.add(message, [], 1)
    assert (it.all()[0].summary, it.types) == ("test message", {})
