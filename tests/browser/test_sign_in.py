"""Signing in to a shop with authentication, in Chromium. The services' APIs are in memory."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from chassis.web import auth
from chassis.web.edge import Edge
from services.storefront.app import create_app
from services.storefront.service import Storefront
from tests import tokens
from tests.browser.axe import violations
from tests.browser.customer import Customer
from tests.processes import serving
from tests.storefront.fakes import BASKET, FakeApi

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    api = FakeApi(**{"GET /basket/ann": BASKET})
    with serving(create_app(Storefront(api), "k" * 16, Edge(auth.from_env(tokens.env())))) as its:
        yield its


@pytest.fixture
def visitor(url: str, new_page: Callable[..., "Page"]) -> Customer:
    it = Customer(new_page(url), url)
    it.open("/shop/basket")
    it.page.wait_for_url("**/shop/sign-in")
    return it


def sign_in(visitor: Customer, token: str) -> None:
    visitor.fill(Token=token)
    visitor.click("Sign in")


def test_visitor_with_a_token_reaches_the_page_that_needed_it(visitor: Customer) -> None:
    sign_in(visitor, tokens.token("ann"))
    visitor.page.wait_for_url("**/shop/basket")
    visitor.page.locator("main", has_text="IPhone X").wait_for()
    assert visitor.page.get_by_role("link", name="Admin").count() == 0


@pytest.mark.parametrize("token", ["nonsense", tokens.token("ann", exp=1)])
def test_visitor_with_a_wrong_token_is_told_so_and_may_try_again(visitor: Customer, token: str) -> None:
    sign_in(visitor, token)
    visitor.sees("The token is not valid")
    assert violations(visitor.page) == []
    sign_in(visitor, tokens.token("ann"))
    visitor.page.wait_for_url("**/shop/basket")


def test_visitor_who_signs_out_has_to_sign_in_again(visitor: Customer) -> None:
    sign_in(visitor, tokens.token("ann"))
    visitor.page.get_by_role("link", name="ann").click()
    visitor.click("Sign out ann")
    visitor.page.get_by_role("link", name="Sign in").wait_for()
    visitor.open("/shop/basket")
    visitor.page.wait_for_url("**/shop/sign-in")


def test_admin_sees_the_way_to_the_pages_of_admins(visitor: Customer) -> None:
    sign_in(visitor, tokens.token("root", admin=True))
    visitor.page.get_by_role("link", name="Admin").wait_for()
