"""The way to an OpenID provider and back, in Chromium. The provider is that of the storefront's own tests."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask import Flask

from chassis.web.edge import Edge
from services.storefront.app import create_app
from services.storefront.service import Storefront
from services.storefront.wiring import Wiring
from tests import tokens
from tests.browser.axe import violations
from tests.browser.customer import Customer
from tests.browser.watch import watched
from tests.processes import serving
from tests.storefront.fakes import BASKET, FakeApi
from tests.storefront.provider import Provider

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


def shop(url: str, provider: Provider) -> Flask:
    env = {"AUTH_ISSUER": provider.url, "AUTH_JWKS": f"{provider.url}/jwks", "AUTH_AUDIENCE": tokens.AUDIENCE}
    env |= {"SHOP_LOGIN_CLIENT": tokens.AUDIENCE, "SHOP_LOGIN_ADDRESS": url}
    api = FakeApi(**{"GET /basket/ann": BASKET})
    return create_app(Storefront(api), "k" * 16, Edge.from_env(env), Wiring(env).login)


@pytest.fixture
def provider() -> Provider:
    return Provider("")


@pytest.fixture
def visitor(chromium: "Browser", provider: Provider) -> Iterator[Customer]:
    """Who asked for a page that needs a user. Shop and provider have to know each other's address."""
    apps: list[Flask] = []

    def late(*request: Any) -> Any:
        return apps[0](*request)

    with serving(late) as url, serving(provider.app) as provider.url, watched(chromium, url, provider.url) as page:
        provider.callback = f"{url}/shop/sign-in/done"
        apps.append(shop(url, provider))
        it = Customer(page, url)
        it.open("/shop/basket")
        yield it


def sign_in(visitor: Customer) -> None:
    visitor.page.locator("main").get_by_role("link", name="Sign in").click()


def test_visitor_signs_in_at_the_provider_and_reaches_the_page_that_needed_it(
    visitor: Customer, provider: Provider
) -> None:
    assert violations(visitor.page) == []
    sign_in(visitor)
    visitor.page.wait_for_url("**/shop/basket")
    visitor.page.locator("main", has_text="IPhone X").wait_for()
    assert "/authorize" in provider.visits


def test_visitor_whom_the_provider_sends_back_with_an_error_may_try_again(
    visitor: Customer, provider: Provider
) -> None:
    provider.access = {"exp": 1}
    sign_in(visitor)
    visitor.page.wait_for_url("**/shop/sign-in/done?*")
    assert visitor.page.get_by_role("alert").count() == 1
    provider.access = {}
    sign_in(visitor)
    visitor.page.wait_for_url("**/shop/basket")


def test_visitor_who_signs_out_of_the_shop_is_signed_out_at_the_provider(visitor: Customer, provider: Provider) -> None:
    sign_in(visitor)
    visitor.page.get_by_role("link", name="ann").click()
    visitor.click("Sign out ann")
    visitor.page.wait_for_url("**/shop")
    assert provider.visits[-1] == "/logout"
    visitor.open("/shop/basket")
    visitor.page.wait_for_url("**/shop/sign-in")
