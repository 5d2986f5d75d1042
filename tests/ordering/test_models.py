from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.ordering.events_in import BasketCheckedOut
from services.ordering.models import OrderLine, OrderQuery, OrderRow
from tests.samples import DATE, golden_message, placed

DATA = golden_message()["detail"]["data"]
dates = st.datetimes().map(lambda moment: f"{moment.isoformat(timespec='milliseconds')}Z")
prefix_lengths = st.sampled_from([4, 7, 10, 13, 16, 19, 23, 24])


@given(st.lists(st.tuples(st.decimals(0, 1_000_000, places=2), st.integers(1, 999)), min_size=1, max_size=5))
def test_total_must_be_the_exact_sum(lines: list[tuple[Decimal, int]]) -> None:
    items = [
        OrderLine(productId="p", productName="P", color="", price=price, quantity=quantity) for price, quantity in lines
    ]
    total = sum((price * quantity for price, quantity in lines), Decimal(0))
    assert placed(items=items, totalPrice=total).totalPrice == total
    with pytest.raises(ValidationError, match="sum of price times quantity"):
        placed(items=items, totalPrice=total + Decimal("0.01"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"items": []},
        {"cardLast4": "4111111111113322"},
        {"orderDate": "2026-11-21"},
        {"orderDate": "2026-02-30T10:15:30.123Z"},
        {"orderDate": "٢٠٢٦-11-21T10:15:30.123Z"},
        {"orderDate": "2026-11-21T25:15:30.123Z"},
        {"orderId": "a/b"},
        {"orderId": None},
        {"orderId": DATA["orderId"].upper()},
        {"orderId": DATA["orderId"].replace("-7c37-", "-4c37-")},
        {"orderId": DATA["orderId"].replace("-8a0e-", "-0a0e-")},
        {"orderId": DATA["orderId"].replace("-", "")},
        {"orderDate": "2026-11-21T09:30:00.124Z"},
        {"orderDate": "2026-11-21T09:30:00.122Z"},
        {"orderDate": "1969-12-31T23:59:59.999Z"},
        {"userName": "a b"},
        {"totalPrice": "2769.9"},
        {"address": "x" * 501},
        {"paymentMethod": 10**50},
        {"paymentToken": "t" * 65},
    ],
)
def test_event_with_wrong_fields_is_rejected(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        placed(**wrong)


def test_unknown_fields_of_an_event_are_ignored() -> None:
    assert placed(loyaltyPoints=7) == placed()


def test_new_order_has_the_fields_of_the_checkout_and_waits_for_its_first_attempt() -> None:
    order = placed().to_order(DATE, "c-1")
    assert order.model_dump(include=set(DATA)) == {name: placed().model_dump()[name] for name in DATA}
    assert [change.model_dump(exclude_none=True) for change in order.history] == [{"status": "PLACED", "at": DATE}]
    assert (order.status, order.orderVersion, order.attempt, order.attemptedAt) == ("PLACED", 1, 1, DATE)
    assert order.is_open


def test_client_sees_neither_the_payment_token_nor_the_attempts() -> None:
    row = placed(paymentToken="tok_declined").to_order(DATE, "c-1")
    assert row.paymentToken == "tok_declined"
    assert set(row.shown().model_dump()) == {*DATA, "status", "reason", "history"} - {"paymentToken"}


def test_row_of_an_earlier_version_is_read_as_an_order_that_was_never_attempted() -> None:
    earlier = {name: value for name, value in DATA.items() if name != "paymentToken"}
    row = OrderRow.model_validate(earlier | {"status": "PLACED", "contentHash": "hash"})
    assert (row.orderVersion, row.attempt, row.attemptedAt, row.history) == (0, 0, None, [])
    assert row.shown().model_dump(exclude_none=True) == earlier | {"status": "PLACED", "history": []}


def test_event_from_before_the_payment_token_is_accepted_and_keeps_its_hash() -> None:
    """Otherwise a second delivery, after an upgrade, would be a conflict with the order of the first one."""
    older = BasketCheckedOut.model_validate({name: value for name, value in DATA.items() if name != "paymentToken"})
    assert older.content_hash() == "9fcb98a25bdc46b08fe54fd24990ea012b0770a5defb7356de45f639101ba9eb"
    assert older.to_order(DATE, "c-1").paymentToken == ""
    assert placed().content_hash() != older.content_hash()


def test_content_hash_does_not_depend_on_the_notation() -> None:
    assert placed(totalPrice=Decimal("2769.90")).content_hash() == placed().content_hash()
    assert BasketCheckedOut.model_validate(dict(reversed(DATA.items()))).content_hash() == placed().content_hash()
    assert placed(address="Ankara").content_hash() != placed().content_hash()


@given(dates, prefix_lengths)
def test_prefix_finds_the_dates_that_start_with_it(date: str, length: int) -> None:
    first, last = OrderQuery(orderDate=date[:length]).dates or ("", "")
    assert first <= date <= last


@given(dates, dates, prefix_lengths)
def test_prefix_finds_no_other_dates(date: str, other: str, length: int) -> None:
    assume(not other.startswith(date[:length]))
    first, last = OrderQuery(orderDate=date[:length]).dates or ("", "")
    assert not first <= other <= last


@given(st.lists(dates, min_size=3, max_size=3), prefix_lengths, st.booleans(), st.booleans())
def test_range_includes_both_ends_and_nothing_outside(
    three: list[str], length: int, has_start: bool, has_end: bool
) -> None:
    start, end = sorted(three[:2])
    ends = {"from": start[:length]} if has_start else {}
    ends |= {"to": end[:length]} if has_end else {}
    found = OrderQuery.model_validate(ends).dates
    assert (found is None) == (ends == {})
    after_start, before_end = three[2][:length] >= start[:length], three[2][:length] <= end[:length]
    expected = (after_start or not has_start) and (before_end or not has_end)
    first, last = found or ("", "~")
    assert (first <= three[2] <= last) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"orderDate": "2026", "from": "2025"},
        {"orderDate": "2026", "to": "2027"},
        {"from": "2027", "to": "2026-11"},
        {"orderDate": "26"},
        {"orderDate": "2026-1"},
        {"from": "yesterday"},
        {"since": "2026"},
    ],
)
def test_contradictory_or_invalid_date_query_is_rejected(query: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        OrderQuery.model_validate(query)
