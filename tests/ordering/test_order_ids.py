import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core import instants
from services.ordering.order_ids import first_of, last_of

FIRST, LAST = datetime(1970, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999_999)  # noqa: DTZ001 the zone follows
dates = st.datetimes(FIRST, LAST, timezones=st.just(UTC)).map(instants.write)


@given(dates)
def test_ids_of_a_millisecond_are_its_lowest_and_highest_uuid7(date: str) -> None:
    lowest, highest = uuid.UUID(first_of(date)), uuid.UUID(last_of(date))
    random_bits = sum(1 << bit for bit in range(80)) & ~(0xF000 << 64) & ~(0xC000 << 48)
    assert (str(lowest), lowest.version, lowest.variant) == (first_of(date), 7, uuid.RFC_4122)
    assert (str(highest), lowest.int | random_bits) == (last_of(date), highest.int)
    assert datetime.fromtimestamp((lowest.int >> 80) // 1000, UTC).isoformat()[:19] == date[:19]
    assert (lowest.int >> 80) % 1000 == int(date[20:23])


@given(dates, dates)
def test_ids_sort_by_date(one: str, other: str) -> None:
    assert (last_of(one) < first_of(other)) == (one < other)


@pytest.mark.parametrize("date", ["0001-01-01T00:00:00.000Z", "1969-12-31T23:59:59.999Z"])
def test_bounds_before_1970_are_below_every_id(date: str) -> None:
    assert first_of(date) == last_of(date) < first_of("1970-01-01T00:00:00.000Z")
