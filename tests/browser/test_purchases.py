"""Purchases on the pages of a shop that runs, in Chromium."""

import pytest

from tests.browser.conftest import Opens
from tests.browser.customer import BUYER, DECLINED, Customer
from tests.browser.shop import Shop
from tests.processes import eventually

pytestmark = pytest.mark.browser
SEND = """async () => {
  const form = new URLSearchParams(new FormData(document.querySelector("form")));
  return (await fetch(location.href, {method: "POST", body: form})).url;
}"""
KEYS = 80  # at most, from one element to another


def test_purchase_is_confirmed_on_the_page_of_the_order(customer: Customer) -> None:
    customer.buy()
    customer.sees("Your order is confirmed.")
    assert customer.page.locator(".steps .done").count() == 5
    assert len(customer.orders()) == 1


def test_purchase_works_without_javascript(new_customer: Opens) -> None:
    customer = new_customer(java_script_enabled=False)
    customer.buy()
    customer.sees("Your order is confirmed.")


def test_purchase_works_with_the_keyboard_alone(customer: Customer) -> None:
    customer.open("/shop?category=Phone")
    press(customer, "Add Pixel 9")
    press(customer, "Basket 1")
    press(customer, "Check out")
    for label, value in BUYER.items():
        go_to(customer, label)
        customer.page.keyboard.type(value)
    customer.page.keyboard.press("Enter")
    customer.sees("Your order is confirmed.")


def press(customer: Customer, name: str) -> None:
    go_to(customer, name)
    with customer.page.expect_navigation():
        customer.page.keyboard.press("Enter")


def go_to(customer: Customer, name: str) -> None:
    """With the Tab key. The focus is visible there."""
    wanted = customer.page.get_by_role("link", name=name).or_(customer.page.get_by_role("button", name=name))
    wanted = wanted.or_(customer.page.get_by_label(name, exact=True))
    for _ in range(KEYS):
        customer.page.keyboard.press("Tab")
        if wanted.evaluate("it => it === document.activeElement"):
            assert wanted.evaluate("it => getComputedStyle(it).outlineStyle") == "solid"
            return
    pytest.fail(f"{name} is not reached by {KEYS} presses of Tab")


def test_double_click_places_one_order(customer: Customer) -> None:
    customer.put_into_basket()
    customer.fill_in_checkout()
    customer.page.get_by_role("button", name="Order,").dblclick()
    customer.sees("Your order is confirmed.")
    assert len(customer.orders()) == 1


def test_form_that_is_sent_twice_at_the_same_moment_places_one_order(customer: Customer) -> None:
    """As by browsers that send a form for each click of a double click, which Chromium does not."""
    customer.put_into_basket()
    customer.fill_in_checkout()
    reached = customer.page.evaluate("() => Promise.all([1, 2].map(send))".replace("send", SEND))
    customer.page.goto(reached[0])
    customer.sees("Your order is confirmed.")
    assert customer.orders() == [reached[0].removeprefix(customer.url)]
    assert reached[0] == reached[1]


def test_declined_card_shows_its_reason(customer: Customer) -> None:
    customer.buy(card=DECLINED)
    customer.sees("Your order is rejected.")
    assert "The card was declined." in customer.page.locator(".steps .failed").inner_text()
    assert customer.page.get_by_role("button", name="Cancel this order").is_hidden()


def test_changed_price_is_marked_in_the_basket_of_another_window(new_customer: Opens) -> None:
    admin, customer = new_customer(), new_customer()
    admin.open("/shop/admin/new")
    admin.fill(Name="Teapot", Category="Home", Price="12.30")
    admin.click("Save")
    admin.sees("Saved.")
    customer.open("/shop?category=Home")
    customer.click("Add Teapot")
    admin.fill(Price="11.80")
    admin.click("Save")
    eventually(lambda: marks(customer) == ["Cheaper now: it was 12.30 when you added it."])
    assert "Total today 11.80" in customer.page.locator(".total").inner_text()


def marks(customer: Customer) -> list[str]:
    customer.open("/shop/basket")
    texts: list[str] = customer.page.locator(".changed").all_inner_texts()
    return texts


def test_order_page_follows_the_saga_without_being_loaded_again(customer: Customer, shop: Shop) -> None:
    with shop.paused("payment-consumer"):
        with shop.paused("ordering-consumer"):
            customer.buy()
            customer.sees("Your order is accepted, and will be placed in a moment.")
            customer.page.evaluate("window.loaded = 'once'")
        customer.sees("Your order is placed.")
        assert customer.page.get_by_role("row", name="IPhone X").is_visible()
        assert customer.page.get_by_role("button", name="Cancel this order").is_visible()
    customer.sees("Your order is confirmed.")
    assert customer.page.evaluate("window.loaded") == "once"


def test_order_is_cancelled_on_its_page(customer: Customer) -> None:
    customer.buy()
    customer.sees("Your order is confirmed.")
    customer.click("Cancel this order")
    customer.sees("Your order is cancelled.")
