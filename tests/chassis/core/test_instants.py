from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from chassis.core import instants

INSTANT: TypeAdapter[str] = TypeAdapter(instants.Instant)
moments = st.datetimes(timezones=st.just(UTC))


@given(moments, moments)
def test_what_is_written_sorts_by_time_and_is_an_instant(one: datetime, other: datetime) -> None:
    texts = instants.write(one), instants.write(other)
    assert (texts[0] < texts[1]) <= (one < other)
    assert (texts[0] > texts[1]) <= (one > other)
    assert [INSTANT.validate_python(text) for text in texts] == [*texts]


def test_a_moment_of_another_zone_is_written_in_utc() -> None:
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
def test_any_other_text_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        INSTANT.validate_python(text)
    assert refused.value.errors()[0]["msg"].endswith(
        "must be a time in UTC to the millisecond, such as 2026-11-26T10:15:30.123Z"
    )
