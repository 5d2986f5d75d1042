from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chassis.core import instants
from services.ordering.dates import FORM, NO_SUCH_TIME, period

moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=st.just(UTC))  # noqa: DTZ001 the zone follows
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))
digits = st.integers(3, 30)


@given(moments, offsets, digits, st.sampled_from(["T", "t"]), st.sampled_from([".", ","]))
def test_instant_is_the_same_in_every_notation(
    moment: datetime, zone: timezone, length: int, mark: str, point: str
) -> None:
    stored = instants.write(moment)
    there = moment.astimezone(zone).isoformat(timespec="microseconds")
    text = (there[:26].ljust(20 + length, "0")[: 20 + length] + there[26:]).replace("T", mark).replace(".", point)
    assert period(text) == (stored, stored)
    assert period(text.replace("+", " ")) == (stored, stored)
    assert period(text[:-6] + there[26:].replace(":", "")) == (stored, stored)


@given(moments, st.sampled_from(["Z", "z", "+00:00", "-00:00", "+00"]))
def test_instant_without_a_fraction_is_the_start_of_its_second(moment: datetime, zone: str) -> None:
    text = f"{moment.isoformat()[:19]}{zone}"
    assert period(text) == (f"{text[:19]}.000Z",) * 2


@given(moments, moments, st.sampled_from([4, 7, 10, 13, 16, 19, 21, 22, 23]))
def test_period_contains_exactly_the_instants_with_its_prefix(one: datetime, other: datetime, length: int) -> None:
    text = instants.write(one)[:length]
    first, last = period(text)
    assert first <= instants.write(one) <= last
    assert (first <= instants.write(other) <= last) == instants.write(other).startswith(text)


@given(moments, offsets)
def test_hour_in_another_zone_is_converted(moment: datetime, zone: timezone) -> None:
    there = moment.astimezone(zone)
    assume(there.utcoffset() != timedelta())
    text = there.isoformat()
    first, last = period(f"{text[:13]}{text[-6:]}")
    assert first <= instants.write(moment) <= last
    assert datetime.fromisoformat(last) - datetime.fromisoformat(first) == timedelta(minutes=59, seconds=59.999)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("0001", "0001-12-31T23:59:59.999Z"),
        ("9999", "9999-12-31T23:59:59.999Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
        ("2024-02", "2024-02-29T23:59:59.999Z"),
        ("2026-02", "2026-02-28T23:59:59.999Z"),
        ("2026-04", "2026-04-30T23:59:59.999Z"),
    ],
)
def test_period_ends_with_its_last_millisecond(text: str, last: str) -> None:
    assert period(text).last == last


@pytest.mark.parametrize(
    "text",
    [
        "0000",
        "2026-00",
        "2026-13",
        "2026-02-30",
        "2026-02-29T10",
        "2026-11-31T10:15:30Z",
        "0001-01-01T00:00:00+02:00",
        "9999-12-31T23:59:59.999-02:00",
    ],
)
def test_nonexistent_time_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=NO_SUCH_TIME):
        period(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "26",
        "2026-1",
        "2026-11-26T",
        "2026-11-26T1",
        "2026-11-26T10:15:3",
        "2026-11-26T24",
        "2026-11-26T10:60",
        "2026-11-26T10:15:60Z",
        "2026-11-26T10:15:30.",
        "2026-11-26T10:15:30+24:00",
        "2026-11-26T10:15:30+2:00",
        "2026-11-26T10:15:30Z+02:00",
        "2026Z",
        "2026 02",
        "2026-11-26+02:00",
        "2026-11-26 10:15:30Z",
        "20261126T101530Z",
        "+02026-11",
        "-2026",
        "yesterday",
        "2026\n",
        "2026-11-26T10:15:30Z\n",
        "٢٠٢٦-١١",
        "2026-11-26T10:15:30.١Z",
        "２０２６",
        "2026\x00",
    ],
)
def test_invalid_time_is_rejected_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="must be a time in ISO 8601") as refused:
        period(text)
    assert str(refused.value) == FORM
