"""Every page of the storefront: axe in light and dark colours, and the width of a phone."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.axe import violations
from tests.browser.conftest import Opens
from tests.browser.customer import APPROVED, DECLINED, LATE, Customer
from tests.browser.shop import Shop

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
NARROW = {"width": 320, "height": 640}  # at which WCAG 2.2 demands that a page needs no sideways scrolling
PAGES = {
    "catalogue": "/shop",
    "category": "/shop?category=Phone",
    "basket": "/shop/basket",
    "checkout": "/shop/checkout",
    "orders": "/shop/orders",
    "sign-in": "/shop/sign-in",
    "admin": "/shop/admin",
    "new product": "/shop/admin/new",
    "not found": "/shop/nowhere",
}
FOUND = ["product", "edit product", "confirmed order", "rejected order", "open order"]  # paths that have an ID
each_page = pytest.mark.parametrize("name", [*PAGES, *FOUND])


@pytest.fixture(scope="module")
def regular(chromium: "Browser", shop: Shop) -> tuple[Any, Mapping[str, str]]:
    """The cookies of a customer with a full basket and orders in three states, and the path of each page."""
    with chromium.new_context() as context:
        customer = Customer(context.new_page(), shop.url)
        paths = PAGES | orders(customer)
        customer.put_into_basket("Designing Data-Intensive Applications", "Book")
        customer.open("/shop?category=Phone")
        link = customer.page.get_by_role("link", name="IPhone X").get_attribute("href")
        paths |= {"product": str(link), "edit product": str(link).replace("/shop/", "/shop/admin/")}
        return context.storage_state(), paths


def orders(customer: Customer) -> dict[str, str]:
    """An order whose payment is answered late stays open for a minute."""
    paths = {}
    for name, card, end in [
        ("confirmed order", APPROVED, "Your order is confirmed."),
        ("rejected order", DECLINED, "Your order is rejected."),
        ("open order", LATE, "Your order is placed."),
    ]:
        customer.buy(card=card)
        customer.sees(end)
        paths[name] = customer.page.url.removeprefix(customer.url)
    return paths


@each_page
def test_page_has_no_violation_in_light_or_dark_colours(name: str, new_customer: Opens, regular: Any) -> None:
    cookies, paths = regular
    customer = new_customer(storage_state=cookies, reduced_motion="reduce")
    for colours in ("light", "dark"):
        customer.page.emulate_media(color_scheme=colours)
        customer.open(paths[name])
        assert violations(customer.page) == []


@each_page
def test_page_fits_the_width_of_a_phone(name: str, new_customer: Opens, regular: Any) -> None:
    cookies, paths = regular
    customer = new_customer(storage_state=cookies, viewport=NARROW)
    customer.open(paths[name])
    assert customer.page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]


def test_pages_of_a_new_visitor_have_no_violation(customer: Customer) -> None:
    for path in ("/shop/basket", "/shop/orders"):
        customer.open(path)
        assert violations(customer.page) == []


def test_form_with_errors_has_no_violation(customer: Customer) -> None:
    customer.put_into_basket()
    customer.fill_in_checkout(card="12")
    customer.click("Order,")
    customer.page.locator("#cardInfo[aria-invalid]").wait_for()
    assert violations(customer.page) == []
