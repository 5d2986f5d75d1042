"""The pages of customers, over services in memory."""

from collections.abc import Callable
from typing import Any

import pytest

from chassis.core.errors import Unavailable
from services.storefront.app import create_app
from services.storefront.models import Visitor
from services.storefront.service import Storefront
from tests.storefront.fakes import BASKET, BUYER, DOWN, LINE, ORDER, PHONE, RECEIPT, Browser, FakeApi, browser, refusal

KEY = "k" * 16
Opened = Callable[[FakeApi], Browser]


def opened(api: FakeApi, user: str = "ann") -> Browser:
    """The browser of a visitor who gave a name."""
    it = browser(create_app(Storefront(api), KEY).test_client())
    it.open("/shop/sign-in")
    it.submit("/shop/sign-in", who=user)
    return it


def with_basket(**answers: Any) -> FakeApi:
    return FakeApi(**{"GET /basket/ann": BASKET, "POST /basket/checkout": RECEIPT} | answers)


def test_catalogue_shows_products_with_their_pictures_and_prices() -> None:
    page = opened(FakeApi()).open("/shop")
    assert "IPhone X" in page
    assert "950.00" in page
    assert 'pictures.svg#phone"' in page


def test_catalogue_shows_a_category_and_leads_to_the_next_page() -> None:
    api = FakeApi(**{"GET /product": {"items": [PHONE], "nextCursor": "c/2="}})
    page = opened(api).open("/shop?category=Phone")
    assert ("GET", "/product?limit=12&category=Phone", None, {}) in api.calls
    assert 'href="/shop?category=Phone&amp;cursor=c/2%3D"' in page
    opened(api).open("/shop?category=Phone&cursor=c/2%3D")
    assert ("GET", "/product?limit=12&category=Phone&cursor=c%2F2%3D", None, {}) in api.calls


def test_product_page_shows_the_stock_level() -> None:
    api = FakeApi(**{"GET /stock/p-1": {"productId": "p-1", "available": 2, "reserved": 1, "sold": 0}})
    assert opened(api).open("/shop/products/p-1").count("2 available.") == 1
    assert "Always available." in opened(FakeApi()).open("/shop/products/p-1")
    down = opened(FakeApi(**{"GET /stock/p-1": DOWN})).open("/shop/products/p-1")
    assert "Stock does not answer. You can order all the same." in down


def test_adding_a_product_returns_to_the_page_of_the_form() -> None:
    api = with_basket(**{"POST /basket/ann/items": BASKET})
    it = opened(api)
    it.open("/shop/products/p-1")
    page = it.submit("/shop/basket/add", color="red", quantity="2")
    assert it.path == "/shop/products/p-1"
    assert "Added to your basket." in page
    assert '<b class="count">2</b>' in page
    assert api.sent("POST", "/basket/ann/items") == [({"productId": "p-1", "color": "red", "quantity": 2}, {})]


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.test/", "//evil.test", "/shopping", "javascript:alert(1)", "/shop/\r\nX-Evil: 1", ""]
)
def test_form_never_leads_to_another_site(elsewhere: str) -> None:
    it = opened(with_basket(**{"POST /basket/ann/items": BASKET}))
    it.open("/shop/products/p-1")
    it.submit("/shop/basket/add", back=elsewhere)
    assert (it.status, it.path) == (200, "/shop")


def test_refused_quantity_is_explained_beside_its_field() -> None:
    wrong = refusal(422, errors=[{"pointer": "/quantity", "detail": "must be a number"}])
    it = opened(FakeApi(**{"POST /basket/ann/items": wrong}))
    it.open("/shop/products/p-1")
    page = it.submit("/shop/basket/add", quantity="two")
    assert it.status == 422
    assert it.says("wrong") == ["Must be a number."]
    assert 'aria-invalid="true" aria-describedby="quantity-wrong"' in page
    assert 'value="two"' in page, "what was typed stays, so that it can be corrected"


@pytest.mark.parametrize(
    ("price", "words"),
    [
        (950, ["Dearer now: it was 900.00 when you added it."]),
        (800, ["Cheaper now: it was 900.00 when you added it."]),
        (900, []),
        (None, ["No longer sold. Remove it to check out."]),
    ],
)
def test_basket_marks_changed_prices(price: int | None, words: list[str]) -> None:
    api = FakeApi(**{"GET /basket/ann": BASKET | {"items": [LINE | {"price": price}]}})
    it = opened(api)
    page = it.open("/shop/basket")
    assert it.says("changed") == words
    assert ('href="/shop/checkout"' in page) == (price is not None)


def test_line_is_removed_in_its_colour() -> None:
    api = with_basket(**{"DELETE /basket/ann/items/p-1": {}})
    it = opened(api)
    it.open("/shop/basket")
    it.submit("/shop/basket/remove")
    assert ("DELETE", "/basket/ann/items/p-1?color=red", None, {}) in api.calls


def test_empty_basket_cannot_be_checked_out() -> None:
    it = opened(FakeApi())
    assert "Your basket is empty." in it.open("/shop/checkout")
    assert it.path == "/shop/basket"


def checked_out(api: FakeApi, **fields: str) -> Browser:
    it = opened(api)
    it.open("/shop/checkout")
    it.submit("/shop/checkout", **BUYER | {"cardInfo": "4111 1111 1111 1111"} | fields)
    return it


def test_checkout_sends_the_total_that_was_shown_and_a_key() -> None:
    api = with_basket()
    it = checked_out(api)
    [(body, headers)] = api.sent("POST", "/basket/checkout")
    paid = {"cardInfo": "4111 1111 1111 1111", "paymentMethod": 1, "expectedTotal": 1900}
    assert body == BUYER | {"userName": "ann"} | paid
    assert len(headers["Idempotency-Key"]) == 36
    assert (it.status, it.path) == (200, "/shop/orders/o-1")
    assert it.says("status")[0].startswith("Your order is accepted")


def test_each_checkout_page_has_another_key_and_a_repeated_form_the_same() -> None:
    api = with_basket()
    it = opened(api)
    for _ in range(2):
        it.open("/shop/checkout")
        page, path = it.page, it.path
        it.submit("/shop/checkout", **BUYER)
        it.page, it.path = page, path  # a double click, or the back button
        it.submit("/shop/checkout", **BUYER)
    keys = [headers["Idempotency-Key"] for _, headers in api.sent("POST", "/basket/checkout")]
    assert [keys[0] == keys[1], keys[2] == keys[3], keys[0] == keys[2]] == [True, True, False]


def test_invalid_fields_are_explained_and_kept_but_the_card() -> None:
    errors = [
        {"pointer": "/email", "detail": "must be an e-mail address"},
        {"pointer": "/cardInfo", "detail": "is short"},
    ]
    it = checked_out(
        with_basket(**{"POST /basket/checkout": refusal(422, errors=errors)}), email="x<y", cardInfo="4999"
    )
    assert it.status == 422
    assert it.says("wrong") == ["Must be an e-mail address.", "Is short."]
    assert 'value="x&lt;y"' in it.page
    assert "4999" not in it.page


def test_changed_total_is_shown_and_the_next_form_accepts_it() -> None:
    api = with_basket(**{"POST /basket/checkout": refusal(409, "The total is now 1850.50.", totalPrice=1850.5)})
    it = checked_out(api)
    assert it.status == 409
    assert it.says("problem")[0].startswith("The total is 1,850.50 now.")
    api.answers["POST /basket/checkout"] = RECEIPT
    it.submit("/shop/checkout", cardInfo="4111111111111111")
    sent = api.sent("POST", "/basket/checkout")
    assert [body["expectedTotal"] for body, _ in sent] == [1900, 1850.5]
    assert sent[1][0]["firstName"] == "Ann"
    assert it.path == "/shop/orders/o-1"


@pytest.mark.parametrize("lost", [Unavailable("The service basket does not answer."), refusal(503, "Unknown.")])
def test_lost_answer_is_called_not_known_yet_and_the_form_keeps_its_key(lost: Exception) -> None:
    api = with_basket(**{"POST /basket/checkout": lost})
    it = checked_out(api)
    assert it.status == 503
    assert it.says("problem")[0].startswith("Not known yet. The shop did not tell us whether your order is placed.")
    api.answers["POST /basket/checkout"] = RECEIPT
    it.submit("/shop/checkout", cardInfo="4111111111111111")
    keys = [headers["Idempotency-Key"] for _, headers in api.sent("POST", "/basket/checkout")]
    assert keys[0] == keys[1]


def test_order_page_follows_the_saga_by_reloading_itself_without_a_script() -> None:
    api = with_basket()
    it = checked_out(api)
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in it.page
    api.answers["GET /order/ann/o-1"] = ORDER
    it.open("/shop/orders/o-1")
    assert "under way" in it.says("now")[0]
    confirmed = {"status": "CONFIRMED", "at": "2026-11-26T10:15:30.923Z"}
    api.answers["GET /order/ann/o-1"] = ORDER | {"status": "CONFIRMED", "history": [*ORDER["history"], confirmed]}  # type: ignore[misc] # a list
    page = it.open("/shop/orders/o-1")
    assert it.says("status") == ["Your order is confirmed."]
    assert "10:15:30.923" in page
    assert "noscript" not in page
    assert "order.js" not in page


def test_script_gets_only_the_part_that_changes_and_it_is_the_same_until_it_changes() -> None:
    it = opened(FakeApi(**{"GET /order/ann/o-1": ORDER}))
    part = it.open("/shop/orders/o-1/steps")
    assert part.startswith('<div data-open="yes" data-cancel="yes">')
    assert part == it.open("/shop/orders/o-1/steps")
    assert part.strip() in it.open("/shop/orders/o-1")


def test_order_that_nobody_placed_is_not_found() -> None:
    it = opened(FakeApi())
    it.open("/shop/orders/o-9")
    assert it.status == 404
    assert "You have no such order." in it.page


def test_order_is_cancelled_by_a_form_and_a_rejected_one_has_none() -> None:
    api = FakeApi(**{"GET /order/ann/o-1": ORDER, "POST /order/ann/o-1/cancel": ORDER})
    it = opened(api)
    it.open("/shop/orders/o-1")
    it.submit("/shop/orders/o-1/cancel")
    assert len(api.sent("POST", "/order/ann/o-1/cancel")) == 1
    api.answers["GET /order/ann/o-1"] = ORDER | {"status": "REJECTED", "reason": "OUT_OF_STOCK"}
    assert '<form id="cancel" method="post" action="/shop/orders/o-1/cancel" hidden>' in it.open("/shop/orders/o-1")
    assert "Too few pieces are in stock." in it.page


def test_refused_cancellation_is_explained() -> None:
    api = FakeApi(**{"GET /order/ann/o-1": ORDER, "POST /order/ann/o-1/cancel": refusal(409, "It is rejected.")})
    it = opened(api)
    it.open("/shop/orders/o-1")
    it.submit("/shop/orders/o-1/cancel")
    assert it.status == 409
    assert it.says("problem") == ["Refused. It is rejected."]


def test_orders_are_listed_with_their_status() -> None:
    page = opened(FakeApi(**{"GET /order/ann": {"items": [ORDER], "nextCursor": "x"}})).open("/shop/orders")
    assert 'href="/shop/orders/o-1"' in page
    assert "placed" in page
    assert 'href="/shop/orders?cursor=x"' in page


def test_service_that_is_down_gives_a_page_that_says_so() -> None:
    it = opened(FakeApi(**{"GET /product": DOWN}))
    it.open("/shop")
    assert it.status == 503
    assert "The service product does not answer." in it.page


def test_categories_and_pictures_of_a_basket_do_not_need_product() -> None:
    api = with_basket(**{"GET /product": DOWN})
    assert "IPhone X" in opened(api).open("/shop/basket")


def test_categories_are_asked_for_once_in_ten_seconds() -> None:
    now, api = [0.0], FakeApi()
    shop = Storefront(api, lambda: now[0])
    for moment in (0.0, 9.9, 10.0):
        now[0] = moment
        assert shop.categories(Visitor("ann")) == {"p-1": "Phone"}
    assert len(api.sent("GET", "/product?limit=100")) == 2
