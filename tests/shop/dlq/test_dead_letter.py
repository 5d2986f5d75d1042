"""What is shown of a dead letter, and what of it is put back."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core.text import legible
from shop.dlq.dead_letter import DeadLetter, ago
from tests.shop.dlq.fake_sqs import letter, message

ARN = "arn:aws:sqs:us-east-1:1:shop-order"
RULE = "arn:aws:events:us-east-1:1:rule/shop-bus/shop-checkout-basket"
UNDELIVERED: dict[str, Any] = {
    "RULE_ARN": RULE,
    "TARGET_ARN": ARN,
    "ERROR_CODE": "NO_PERMISSIONS",
    "ERROR_MESSAGE": "may not send",
}
UNTOLD = "no reason recorded: SNS could not deliver it and never writes why, or somebody sent it by hand"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
EVENT = {
    "source": "com.swn.basket.checkoutbasket",
    "detail-type": "CheckoutBasket",
    "detail": {"metadata": {"version": 2, "correlation-id": "c-1"}, "data": {"orderId": "o-1", "userName": "ann"}},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*EVENT, "metadata", "data", "orderId"]), inner),
)


def rows(body: Any = EVENT, **attributes: str) -> dict[str, str]:
    text = body if isinstance(body, str) else json.dumps(body)
    return dict(DeadLetter(message("m-1", text, sent=1795262100000, **attributes)).rows(NOW))


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"reason": "version: Input should be 1"}, "version: Input should be 1"),
        (UNDELIVERED, "EventBridge could not deliver it: NO_PERMISSIONS: may not send"),
        ({"ERROR_CODE": "THROTTLING"}, "EventBridge could not deliver it: THROTTLING: no error message"),
        ({"origin": ARN}, "every attempt failed: received 11 times from shop-order (`show` counts as well)"),
        ({}, UNTOLD),
    ],
)
def test_reason_says_why_it_is_there(attributes: dict[str, str], reason: str) -> None:
    assert rows(**attributes)["reason"] == reason


def test_rows_say_what_it_is_about_and_when_it_was_sent() -> None:
    assert rows(messageId="m-0") == {
        "reason": UNTOLD,
        "event": "CheckoutBasket of com.swn.basket.checkoutbasket",
        "version": "2",
        "order": "o-1 of ann",
        "correlation": "c-1",
        "sent": "2026-11-21 11:55:00Z, 5 min ago",
        "in the log": "message_id m-0",
    }


def test_rows_say_that_it_is_a_test_message() -> None:
    assert rows({"detail": {"metadata": {"test": "run-1"}}})["test message"] == "run-1"


def test_rows_say_what_eventbridge_tried() -> None:
    shown = rows(**UNDELIVERED, RETRY_ATTEMPTS="185", EXHAUSTED_RETRY_CONDITION="MaximumRetryAttempts")
    assert (shown["rule"], shown["retries"], shown["limit"]) == (RULE, "185", "MaximumRetryAttempts")


@pytest.mark.parametrize("body", ["", "{", "[" * 30_000, "1" * 5_000])
def test_a_body_that_is_not_json_is_only_counted(body: str) -> None:
    assert rows(body)["body"] == f"{len(body)} characters, not JSON"


@given(body=st.text() | JSON.map(json.dumps), reason=st.text(min_size=1))
def test_each_row_is_one_short_line_without_control_characters_for_any_message(body: str, reason: str) -> None:
    for text in rows(body, reason=reason).values():
        assert len(text) <= 500
        assert text == legible(text)
        assert len(text.splitlines()) <= 1


def test_ids_are_its_own_and_the_one_in_the_consumers_log() -> None:
    assert letter("m-1", messageId="m-0").ids == {"m-1", "m-0"}
    assert letter("m-1").ids == {"m-1"}


def test_attributes_about_the_failure_are_not_put_back() -> None:
    """SQS keeps attributes when it moves a message, so an old reason would look like a new one."""
    kept = letter(reason="bad", messageId="m-0", **UNDELIVERED, trace="t-1").kept_attributes()
    assert kept == {"trace": {"DataType": "String", "StringValue": "t-1"}}


def test_size_is_counted_as_sqs_counts() -> None:
    assert letter(body="é" * 10, reason="does not count").size() == 20
    assert letter(body="", trace="t-1").size() == len("trace") + len("String") + len("t-1")


def test_json_is_one_line_of_ascii_with_everything() -> None:
    body = json.dumps(EVENT) + "\n\x1b é \ud800"
    copy = letter("m-1", body, sent=1795262100000, reason="é").to_json()
    assert copy.isascii()
    assert copy.isprintable()
    assert json.loads(copy) == {
        "messageId": "m-1", "sent": "2026-11-21T11:55:00+00:00", "attributes": {"reason": "é"}, "body": body,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (1209600, "14 days")],
)
def test_age_has_one_unit(seconds: float, text: str) -> None:
    assert ago(seconds) == text
