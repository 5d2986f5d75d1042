"""The arithmetic of a report: rates, percentiles, depth and age."""

import pytest

from load.orders import Order
from load.record import Entry, Written
from load.series import Depth, Sample, bins, depths, percentiles, width

START = 1000.0


def written(*accepted: tuple[float, str, float]) -> Written:
    """Each with its second, its order and its milliseconds."""
    return Written(START, [Entry(START + at, "ann", f"k-{name}", 202, name, took) for at, name, took in accepted])


def order(name: str, placed: float | None, ended: float | None) -> Order:
    at = None if placed is None else START + placed
    return Order(name, "ann", "CONFIRMED", at, None if ended is None else START + ended)


def test_percentiles_are_values_that_occurred() -> None:
    assert percentiles(range(1, 101)) == [50, 95, 99]
    assert percentiles([7]) == [7, 7, 7]
    assert percentiles([]) == []


@pytest.mark.parametrize(("seconds", "wide"), [(3, 1), (60, 1), (61, 2), (180, 3), (600, 10)])
def test_a_picture_has_at_most_sixty_bins(seconds: float, wide: int) -> None:
    assert width(seconds) == wide


def test_rates_are_per_second_of_the_bin() -> None:
    orders = {name: order(name, 3, 110) for name in ("a", "b", "c")}
    found = bins(written((0, "a", 10), (1.5, "b", 30), (2.5, "c", 20)), orders, START, 120)
    assert [it.accepted for it in found][:3] == [1.0, 0.5, 0]
    assert {it.begin: it.finished for it in found if it.finished} == {110: 1.5}


def test_an_order_counts_in_the_bin_in_which_it_was_accepted() -> None:
    found = bins(written((0, "a", 10), (1, "b", 30)), {"a": order("a", 0.2, 4.5), "b": order("b", 1, 1.25)}, START, 5)
    assert [list(it.answer) for it in found][:2] == [[10] * 3, [30] * 3]
    assert [list(it.end) for it in found][:2] == [[4500] * 3, [250] * 3]


def test_an_order_that_has_not_ended_has_no_latency() -> None:
    (found,) = bins(written((0, "a", 10)), {"a": order("a", 0.5, None)}, START, 1)
    assert (list(found.end), found.finished) == ([], 0)


def test_a_repeated_answer_counts_once() -> None:
    found = bins(written((0, "a", 10), (0.1, "a", 900)), {}, START, 1)
    assert ([it.accepted for it in found], list(found[0].answer)) == ([1.0], [10] * 3)


def test_the_last_instant_belongs_to_the_last_bin() -> None:
    assert [it.accepted for it in bins(written((2.0, "a", 10)), {}, START, 2.0)] == [0, 1]


def test_the_age_is_of_the_oldest_checkout_whose_order_is_not_placed() -> None:
    orders = {"a": order("a", 5, 6), "b": order("b", None, None)}
    samples = [Sample(START + at, waiting, 1) for at, waiting in ((0, 0), (4, 2), (5, 1))]
    assert depths(samples, written((1, "a", 10), (3, "b", 10)), orders, START) == [
        Depth(0, 1, 0),
        Depth(4, 3, 3),
        Depth(5, 2, 2),
    ]
