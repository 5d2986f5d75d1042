from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.messaging.bus import MAX_BYTES
from services.product.events import ProductChanged, ProductCreated, ProductDeleted, change_percent, event_for_change
from tests.samples import product

PRICES = st.decimals(0, 1_000_000, places=2)
NOW = "2026-11-21T09:30:00.123Z"


@pytest.mark.parametrize(
    ("old", "new", "percent"),
    [
        ("100", "90", "-10"),
        ("100", "90.01", "-9.99"),
        ("3", "2", "-33.33"),
        ("3", "4", "33.33"),
        ("9.99", "9.99", "0"),
        ("100", "0", "-100"),
        ("0", "0", "0"),
        ("0", "1", None),
        ("0.01", "1000000", "9999999900"),
    ],
)
def test_price_change_is_rounded_towards_zero(old: str, new: str, percent: str | None) -> None:
    assert change_percent(Decimal(old), Decimal(new)) == (None if percent is None else Decimal(percent))


@given(PRICES, PRICES)
def test_smaller_price_drop_is_never_rounded_up_to_ten_percent(old: Decimal, new: Decimal) -> None:
    percent = change_percent(old, new)
    assert (percent is not None and percent <= -10) == (old > 0 and new * 10 <= old * 9)


def test_event_follows_from_the_product_before_and_after() -> None:
    old, new = product("p-1", version=4), product("p-1", version=5, price=Decimal(760))
    gone = new.deleted(NOW)
    assert event_for_change(None, old) == ProductCreated(
        productId="p-1", version=4, name="IPhone X", category="Phone", price=Decimal(950)
    )
    assert event_for_change(old, new) == ProductChanged(
        productId="p-1",
        version=5,
        name="IPhone X",
        category="Phone",
        price=Decimal(760),
        oldPrice=Decimal(950),
        changePercent=Decimal(-20),
    )
    assert event_for_change(new, gone) == ProductDeleted(productId="p-1", version=6, deletedAt=NOW)
    assert isinstance(event_for_change(gone, product("p-1", version=7)), ProductCreated)


def test_largest_product_fits_into_an_event() -> None:
    old = product("p" * 64, name="\x01" * 200, category="\x01" * 100)
    assert event_for_change(old, old.changed({"price": Decimal(0)})).as_event(NOW, "c" * 128).size * 10 < MAX_BYTES
