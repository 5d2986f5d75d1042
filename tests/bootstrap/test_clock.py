from itertools import pairwise

from tests.bootstrap.fakes import quick_clock


def test_polling_slows_down_and_ends_on_time() -> None:
    times = list(quick_clock().polls(10.0, first=1.0, longest=4.0))
    assert times[0] == 0.0
    assert times[-1] == 10.0
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps[0] < gaps[1] < gaps[2] <= 4.0


def test_no_time_is_still_one_look() -> None:
    assert list(quick_clock().polls(0.0)) == [0.0]
