from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from chassis.core import instants

INSTANT: TypeAdapter[str] = TypeAdapter(instants.Instant)
moments = st.datetimes(timezones=st.just(UTC))


@given(moments, moments)
def test_written_times_sort_as_text_and_are_valid(one: datetime, other: datetime) -> None:
    texts = instants.write(one), instants.write(other)
    assert (texts[0] < texts[1]) <= (one < other)
    assert (texts[0] > texts[1]) <= (one > other)
    assert [INSTANT.validate_python(text) for text in texts] == [*texts]


def test_other_time_zones_are_converted_to_utc() -> None:
    moment = datetime(2026, 11, 26, 1, 15, 30, 123_999, timezone(timedelta(hours=2)))
    assert instants.write(moment) == "2026-11-25T23:15:30.123Z"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-26",
        "2026-11-26T10:15:30Z",
        "2026-11-26T10:15:30.12Z",
        "2026-11-26T10:15:30.123456Z",
        "2026-11-26T10:15:30.123",
        "2026-11-26T10:15:30.123+00:00",
        "2026-11-26T10:15:30.123z",
        "2026-11-26 10:15:30.123Z",
        "2026-11-26T10:15:30.123Z\n",
        "2026-02-30T10:15:30.123Z",
        "2026-13-01T10:15:30.123Z",
        "2026-11-26T24:00:00.000Z",
        "2026-11-26T10:15:60.000Z",
        "0000-11-26T10:15:30.123Z",
        "٢٠٢٦-11-26T10:15:30.123Z",
    ],
)
def test_other_formats_are_rejected_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        INSTANT.validate_python(text)
    assert refused.value.errors()[0]["msg"].endswith(
        "must be a time in UTC with milliseconds, such as 2026-11-26T10:15:30.123Z"
    )
