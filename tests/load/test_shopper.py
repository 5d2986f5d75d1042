"""What a customer sends, records and measures."""

from random import Random
from typing import Any

import pytest

from load.merchandiser import Merchandiser
from load.mix import APPROVED, Checkout, Visit
from load.shopper import CHECKOUT, END_TO_END, Shopper, VisitEnded
from tests.load.fakes import PRODUCTS, URLS, Entries, FakeShop

BUYING: dict[str, Any] = {"opens": (1, 2), "adds": 2, "removes": False, "cancels": False, "card": APPROVED}


def visited(shop: FakeShop, **wanted: Any) -> Entries:
    record = Entries()
    plan = Visit(**{"checkout": Checkout.ONCE} | BUYING | wanted)
    Shopper("ann", URLS, shop, record, Random(7)).visit(plan)
    return record


def test_a_visit_browses_adds_looks_at_the_basket_and_checks_out() -> None:
    shop = FakeShop()
    visited(shop)
    assert shop.names == {
        "GET /product": 1,
        "GET /product?category=": 2,
        "GET /product/{id}": 3,
        "POST /basket/{userName}/items": 2,
        "GET /basket/{userName}": 1,
        CHECKOUT: 1,
    }
    assert shop.unexpected == []


def test_a_visit_without_a_purchase_has_no_basket() -> None:
    shop = FakeShop()
    assert visited(shop, adds=0, checkout=None).entries == []
    assert not [name for name in shop.names if "basket" in name]


def test_a_line_is_removed_before_the_checkout() -> None:
    shop = FakeShop()
    visited(shop, removes=True)
    assert shop.names["DELETE /basket/{userName}/items/{productId}"] == 1
    assert shop.names["GET /basket/{userName}"] == 2


def test_the_checkout_expects_the_total_that_the_basket_showed() -> None:
    shop = FakeShop(total=17.3)
    visited(shop)
    ((body, key),) = shop.bodies(CHECKOUT)
    assert body["expectedTotal"] == 17.3
    assert len(key) == 32


def test_the_record_has_the_request_and_the_answer() -> None:
    asked, answered = visited(FakeShop()).entries
    assert (asked.status, asked.order_id) == (None, "")
    assert (answered.status, answered.order_id, answered.at, answered.milliseconds) == (202, "o-1", 100.0, 12.0)
    assert (asked.user, asked.key) == (answered.user, answered.key)


def test_a_double_click_is_two_requests_at_once_with_one_key() -> None:
    shop = FakeShop()
    record = visited(shop, checkout=Checkout.DOUBLE_CLICK)
    assert shop.together == [2]
    assert len({key for _, key in shop.bodies(CHECKOUT)}) == 1
    assert [entry.order_id for entry in record.entries if entry.status] == ["o-1", "o-1"]


def test_a_stale_total_gets_a_409_and_then_the_right_one_is_accepted() -> None:
    shop = FakeShop(total=20.0)
    record = visited(shop, checkout=Checkout.STALE_TOTAL)
    assert [entry.status for entry in record.entries if entry.status] == [409, 202]
    ((stale, first),) = shop.bodies(f"{CHECKOUT} with a stale total")
    ((right, second),) = shop.bodies(CHECKOUT)
    assert (stale["expectedTotal"], right["expectedTotal"]) == (21.0, 20.0)
    assert first != second
    assert shop.unexpected == []


def test_a_stale_total_that_is_accepted_is_a_failure() -> None:
    shop = FakeShop(accepts_any_total=True)
    visited(shop, checkout=Checkout.STALE_TOTAL)
    assert shop.unexpected == [(f"{CHECKOUT} with a stale total", 202)]


@pytest.mark.parametrize("status", [0, 503])
def test_a_checkout_without_an_answer_is_tried_again_with_the_same_key(status: int) -> None:
    shop = FakeShop(status, status)
    record = visited(shop)
    assert len({key for _, key in shop.bodies(CHECKOUT)}) == 1
    assert [entry.status for entry in record.entries] == [None, status, None, status, None, 202]
    assert shop.unexpected == [(CHECKOUT, status)] * 2


def test_a_price_that_changed_meanwhile_is_accepted_with_a_new_key() -> None:
    shop = FakeShop(409, total=30.0)
    visited(shop)
    assert len({key for _, key in shop.bodies(CHECKOUT)}) == 2
    assert shop.unexpected == []


def test_a_customer_leaves_a_shop_that_fails_again_and_again() -> None:
    with pytest.raises(VisitEnded):
        visited(FakeShop(*[503] * 6))


def test_the_time_until_the_end_is_the_one_in_the_history() -> None:
    shop = FakeShop(absent=3)
    visited(shop)
    shop.delayed[0]()
    assert shop.names["GET /order/{userName}/{orderId}"] == 4
    assert shop.times == {END_TO_END: pytest.approx(750)}
    assert shop.unexpected == []


def test_an_order_is_cancelled_once_it_is_placed() -> None:
    shop = FakeShop(absent=1)
    visited(shop, cancels=True)
    shop.delayed[0]()
    assert [name for name, *_ in shop.asked][-3:] == [
        "GET /order/{userName}/{orderId}",
        "POST /order/{userName}/{orderId}/cancel",
        "GET /order/{userName}/{orderId}",
    ]


def test_an_order_that_never_ends_is_not_followed_without_end() -> None:
    shop = FakeShop(absent=10_000)
    visited(shop)
    shop.delayed[0]()
    assert shop.times == {}
    assert sum(shop.slept) == pytest.approx(600, abs=10)


def test_the_merchandiser_changes_prices_and_puts_them_back() -> None:
    shop = FakeShop()
    merchandiser = Merchandiser(URLS, shop, Random(7))
    for _ in range(10):
        merchandiser.change_a_price()
    assert shop.names == {"GET /product": 1, "PATCH /product/{id}": 10}
    merchandiser.put_back()
    last = {url.rpartition("/")[2]: body["price"] for name, url, body, _ in shop.asked if name.startswith("PATCH")}
    assert last == {it["id"]: it["price"] for it in PRODUCTS if it["id"] in last}
