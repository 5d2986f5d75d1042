"""Doctor's checkout is one that the consumer must accept: it has the golden event's shape."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from bootstrap.event import DETAIL_TYPE, SOURCE, USER, checkout, probe_of, timestamp

GOLDEN = json.loads((Path(__file__).parents[1] / "events" / "checkout_basket.json").read_text())
NOON = datetime(2026, 11, 21, 12, 0, 0, 7999, tzinfo=UTC)


def shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])]
    return "number" if isinstance(value, int | float) else type(value).__name__


def test_doctors_checkout_has_the_golden_events_shape() -> None:
    assert shape(checkout("o-1", NOON)) == shape(GOLDEN["detail"])
    assert (GOLDEN["source"], GOLDEN["detail-type"]) == (SOURCE, DETAIL_TYPE)


def test_its_total_is_right() -> None:
    data = checkout("o-1", NOON)["data"]
    assert data["totalPrice"] == sum(item["price"] * item["quantity"] for item in data["items"])


def test_its_user_is_nobody_and_may_be_called_so() -> None:
    assert checkout("o-1", NOON)["data"]["userName"] == USER
    assert re.fullmatch(r"[A-Za-z0-9._@-]{1,64}", USER)


def test_times_are_utc_with_milliseconds() -> None:
    assert timestamp(NOON) == "2026-11-21T12:00:00.007Z"
    assert timestamp(NOON.astimezone(timezone(timedelta(hours=3)))) == "2026-11-21T12:00:00.007Z"


def test_doctor_knows_its_own_message() -> None:
    body = json.dumps({"detail": checkout("o-1", NOON)})
    assert probe_of(body) == ("o-1", "2026-11-21T12:00:00.007Z")


@pytest.mark.parametrize("body", ["", "no json", "[]", "1", '{"detail": 1}', json.dumps(GOLDEN)])
def test_others_messages_are_not_doctors(body: str) -> None:
    assert probe_of(body) is None
