import json
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chassis.core.errors import Conflict, Invalid
from services.basket.checkout import CheckoutInput, OrderIdentity, Receipt, check_out
from services.basket.models import BasketView, PricedLine
from tests.fakes import FakeClock
from tests.samples import CARD, CHECKOUT, golden_message

NOW = FakeClock().now
RANDOM_ID = "6b1f0c9e-5a0d-4c37-8a0e-7f2f3c1b9a10"
ORDER_ID = golden_message()["detail"]["data"]["orderId"]
IDENTITY = OrderIdentity.new(RANDOM_ID, NOW, "key-1")


def request(**fields: Any) -> CheckoutInput:
    return CheckoutInput.model_validate(CHECKOUT | fields)


def view(*prices: str | None) -> BasketView:
    lines = [
        PricedLine(productId=f"p-{n}", productName="P", color="", quantity=2, addedPrice=Decimal(1), price=amount)
        for n, price in enumerate(prices)
        for amount in [None if price is None else Decimal(price)]
    ]
    total = sum((line.price * line.quantity for line in lines if line.price is not None), Decimal(0))
    return BasketView(userName="swn", items=lines, totalPrice=total)


@given(st.text("0123456789", min_size=8, max_size=19), st.sampled_from(["", " ", "-"]))
def test_only_the_last_four_digits_of_a_card_number_are_kept(digits: str, gap: str) -> None:
    taken = request(cardInfo=gap.join(digits))
    assert taken.cardInfo == digits[-4:]
    assert "cardInfo" not in taken.model_dump()


@pytest.mark.parametrize("card", ["1234567", "1" * 20, "4111x11111111111", "", 4111111111111111, "4111  11111111"])
def test_invalid_card_number_is_rejected_without_its_value(card: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        request(cardInfo=card)
    assert str(card) not in str(caught.value) or not card


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "nobody"},
        {"email": "a@" + "b" * 190},
        {"firstName": ""},
        {"address": "x" * 501},
        {"paymentMethod": 100},
        {"paymentMethod": "1"},
        {"expectedTotal": "9"},
        {"cvv": "123"},
    ],
)
def test_invalid_request_is_rejected(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        request(**wrong)


def test_equal_requests_have_equal_fingerprints_despite_ignored_fields() -> None:
    same = request(totalPrice="anything", cardInfo="9999-9999-9999-3322")
    assert same.fingerprint() == request().fingerprint()


@pytest.mark.parametrize(
    "other", [{"address": "Ankara"}, {"cardInfo": "41111111"}, {"expectedTotal": 1}, {"userName": "x"}]
)
def test_different_requests_have_different_fingerprints(other: dict[str, Any]) -> None:
    assert request(**other).fingerprint() != request().fingerprint()


def test_event_has_the_basket_at_current_prices_and_the_request() -> None:
    event = check_out(view("9.95", "0.10"), request(expectedTotal=Decimal("20.10")), IDENTITY)
    assert (event.orderId, event.orderDate) == (ORDER_ID, "2026-11-21T09:30:00.123Z")
    assert [(line.price, line.quantity) for line in event.items] == [(Decimal("9.95"), 2), (Decimal("0.10"), 2)]
    assert (event.totalPrice, event.lastName, event.cardLast4) == (Decimal("20.10"), "Özkaya", "3322")


@pytest.mark.parametrize(
    "total", ["36.900000000000006", "36.9", "36.90", "36.89999999999999857891452847979962825775146484375", "36.904"]
)
def test_expected_total_computed_with_floats_is_compared_in_cents(total: str) -> None:
    shown = request(expectedTotal=Decimal(total))
    assert check_out(view("12.30", "6.15"), shown, IDENTITY).totalPrice == Decimal("36.90")
    assert shown.fingerprint() == request(expectedTotal=Decimal("36.9")).fingerprint()


@pytest.mark.parametrize("total", ["36.91", "36.905", "36.894", "36"])
def test_expected_total_that_differs_by_a_cent_is_a_conflict(total: str) -> None:
    with pytest.raises(Conflict, match="The total is now 36"):
        check_out(view("12.30", "6.15"), request(expectedTotal=Decimal(total)), IDENTITY)


@pytest.mark.parametrize("total", ["-0.005", "999999999999.005", "1e30"])
def test_impossible_expected_total_is_rejected(total: str) -> None:
    with pytest.raises(ValidationError):
        request(expectedTotal=Decimal(total))


def test_expected_total_just_below_zero_is_zero() -> None:
    assert str(request(expectedTotal=Decimal("-1e-17")).expectedTotal) == "0"


@pytest.mark.parametrize(
    ("basket", "members"),
    [
        (view(), {}),
        (view("1", None, None), {"productIds": ["p-1", "p-2"]}),
        (view("9.95"), {"totalPrice": 19.9}),
    ],
)
def test_basket_that_cannot_be_ordered_is_a_conflict_with_the_reason(
    basket: BasketView, members: dict[str, Any]
) -> None:
    with pytest.raises(Conflict) as caught:
        check_out(basket, request(expectedTotal=20), IDENTITY)
    assert caught.value.members == members


def test_key_is_the_order_id_if_the_client_sent_none() -> None:
    assert OrderIdentity.new(RANDOM_ID, NOW, None).key == ORDER_ID


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30), timezones=st.just(UTC)), st.uuids(version=4))  # noqa: DTZ001 the zone follows
def test_order_id_is_a_uuid7_of_exactly_the_order_date(now: datetime, random_id: uuid.UUID) -> None:
    order = OrderIdentity.new(str(random_id), now, None)
    made = uuid.UUID(order.order_id)
    assert (str(made), made.version, made.variant) == (order.order_id, 7, uuid.RFC_4122)
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=made.int >> 80)
    assert order.order_date == instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert order.order_id[15:] == str(random_id)[15:], "the random bits are kept"


def test_receipt_has_the_response_and_expires_after_a_day() -> None:
    receipt = Receipt.of(check_out(view("9.95"), request(), IDENTITY), request(), "key-1", NOW)
    assert json.loads(receipt.answer) == {
        "orderId": ORDER_ID,
        "orderDate": "2026-11-21T09:30:00.123Z",
        "totalPrice": 19.9,
        "status": "PENDING",
    }
    assert receipt.expiresAt == int(NOW.timestamp()) + 86_400


def test_receipt_is_replayed_only_for_an_equal_request_or_its_own_order() -> None:
    receipt = Receipt.of(check_out(view("1"), request(), IDENTITY), request(), "key-1", NOW)
    assert receipt.replay(request(), IDENTITY._replace(order_id="o-2")) is receipt
    assert receipt.replay(request(address="Ankara"), IDENTITY) is receipt
    with pytest.raises(Invalid, match="another request"):
        receipt.replay(request(address="Ankara"), IDENTITY._replace(order_id="o-2"))


def test_event_has_the_token_of_the_card() -> None:
    declined = check_out(view("1"), request(cardInfo="4000 0000 0000 0002"), IDENTITY)
    assert (declined.cardLast4, declined.paymentToken) == ("0002", "tok_declined")
    assert check_out(view("1"), request(), IDENTITY).paymentToken == "tok_approved"


def test_order_of_more_than_99_products_is_invalid() -> None:
    assert len(check_out(view(*["1"] * 99), request(), IDENTITY).items) == 99
    with pytest.raises(Invalid, match="at most 99 different products"):
        check_out(view(*["1"] * 100), request(), IDENTITY)


def test_many_colours_of_a_product_count_once() -> None:
    lines = [
        line.model_copy(update={"productId": "p", "color": str(n)}) for n, line in enumerate(view(*["1"] * 100).items)
    ]
    assert len(check_out(view(*["1"] * 100).model_copy(update={"items": lines}), request(), IDENTITY).items) == 100


def test_card_number_is_in_no_event_and_no_receipt() -> None:
    made = check_out(view("1"), request(), IDENTITY)
    receipt = Receipt.of(made, request(), "key-1", NOW)
    traces = f"{request()!r}{made.as_event('c-1')}{receipt!r}".replace(" ", "")
    assert CARD.replace(" ", "")[:12] not in traces
