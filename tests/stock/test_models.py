from datetime import UTC, datetime

from services.stock.models import Reservation, State

NOW = datetime(2026, 11, 21, 9, 30, 0, 123_000, UTC)
RESERVED = Reservation.of("o-1", "swn", {"p-1": 3, "p-2": 1}, {"p-1": 3}, NOW)


def test_reservation_records_what_was_really_taken() -> None:
    assert [(line.productId, line.quantity, line.taken) for line in RESERVED.lines] == [("p-1", 3, 3), ("p-2", 1, 0)]
    assert RESERVED.taken == {"p-1": 3}
    assert (RESERVED.state, RESERVED.reservedAt) == (State.RESERVED, "2026-11-21T09:30:00.123Z")


def test_each_state_keeps_the_lines_and_the_earlier_times() -> None:
    released = RESERVED.sold(NOW).released(NOW)
    assert released.lines == RESERVED.lines
    assert released.reservedAt == released.soldAt == released.releasedAt == "2026-11-21T09:30:00.123Z"


def test_only_a_released_reservation_expires_and_that_after_90_days() -> None:
    assert RESERVED.expiresAt is RESERVED.sold(NOW).expiresAt is None
    assert RESERVED.released(NOW).expiresAt == 1803029400  # 2027-02-19T09:30:00Z


def test_order_that_was_released_unseen_holds_nothing() -> None:
    closed = Reservation.released_unseen("o-1", "swn", NOW)
    assert (closed.state, closed.taken, closed.reservedAt) == (State.RELEASED, {}, None)
