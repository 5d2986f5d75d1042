from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.ordering.events_in import BasketCheckedOut
from services.ordering.models import OrderLine, OrderQuery
from tests.samples import golden_message, placed

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
    ],
)
def test_event_with_wrong_fields_is_rejected(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        placed(**wrong)


def test_unknown_fields_of_an_event_are_ignored() -> None:
    assert placed(loyaltyPoints=7) == placed()


def test_order_has_the_fields_of_the_checkout_and_a_status() -> None:
    order = placed().to_order()
    assert order.model_dump(exclude={"status"}) == placed().model_dump()
    assert order.status == "PLACED"


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
