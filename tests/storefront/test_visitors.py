"""Visitors of a shop with authentication."""

import secrets

import pytest

from chassis.web import auth
from chassis.web.edge import Edge
from chassis.web.proxies import Proxies
from services.storefront import visitors
from services.storefront.app import create_app
from services.storefront.service import Storefront
from tests import tokens
from tests.storefront.fakes import BASKET, ORDER, Browser, FakeApi, browser, refusal

EDGE = Edge(auth.from_env(tokens.env()), proxies=Proxies(["127.0.0.1"]))


def visiting(api: FakeApi) -> Browser:
    return browser(create_app(Storefront(api), "k" * 16, EDGE).test_client())


def signed_in(api: FakeApi, token: str) -> Browser:
    it = visiting(api)
    it.open("/shop/sign-in")
    it.submit("/shop/sign-in", who=f" {token}\n")
    return it


def test_everyone_sees_the_catalogue_and_sends_no_token() -> None:
    api = FakeApi()
    assert "IPhone X" in visiting(api).open("/shop")
    assert {visitor.token for visitor in api.visitors} == {""}


@pytest.mark.parametrize("path", ["/shop/basket", "/shop/checkout", "/shop/orders", "/shop/orders/o-1"])
def test_page_of_a_user_leads_to_the_sign_in_and_back(path: str) -> None:
    answers = {"GET /basket/ann": BASKET, "GET /order/ann": {"items": []}, "GET /order/ann/o-1": ORDER}
    it = visiting(FakeApi(**answers))
    it.open(path)
    assert it.path == "/shop/sign-in"
    it.submit("/shop/sign-in", who=tokens.token("ann"))
    assert (it.status, it.path) == (200, path)


def test_services_get_the_token_of_the_visitor() -> None:
    api, token = FakeApi(**{"GET /basket/ann": BASKET}), tokens.token("ann")
    it = signed_in(api, token)
    it.open("/shop/basket")
    assert [(each.user, each.token, each.admin) for each in api.visitors if each.user] == [("ann", token, False)] * len(
        [each for each in api.visitors if each.user]
    )
    assert api.visitors[-1].user == "ann"


@pytest.mark.parametrize("wrong", ["x", tokens.token("ann", exp=1), tokens.token("ann", iss="https://other.test")])
def test_wrong_token_is_refused_with_its_reason(wrong: str) -> None:
    it = signed_in(FakeApi(), wrong)
    assert it.status == 401
    assert it.says("problem")[0].startswith("Unauthenticated. The token is not valid:")
    it.open("/shop/basket")
    assert it.path == "/shop/sign-in"


def test_token_that_fits_in_no_cookie_is_refused_with_its_length() -> None:
    it = signed_in(FakeApi(), tokens.token("ann", groups=[f"{n:064x}" for n in range(60)]))
    assert it.status == 401
    assert it.says("problem")[0].endswith("A cookie has room for 3500.")


def test_cookie_with_the_longest_token_is_small_enough_for_browsers() -> None:
    token = secrets.token_urlsafe(visitors.MAX_TOKEN)[: visitors.MAX_TOKEN]
    client = create_app(Storefront(FakeApi()), "k" * 16, Edge(lambda _: auth.Principal("ann"))).test_client()
    it = browser(client)
    it.open("/shop/sign-in")
    it.submit("/shop/sign-in", who=token)
    cookie = client.get_cookie("shopwire", path=visitors.PREFIX)
    assert cookie
    assert visitors.MAX_TOKEN < len(cookie.value) < 4096 - len("shopwire")


def test_token_that_expires_ends_the_session() -> None:
    edge = Edge(Expiring())
    it = browser(create_app(Storefront(FakeApi(**{"GET /basket/ann": BASKET})), "k" * 16, edge).test_client())
    it.open("/shop/sign-in")
    it.submit("/shop/sign-in", who="a token")
    it.open("/shop/basket")
    assert it.path == "/shop/sign-in"
    assert it.says("note") == ["Your sign-in has ended. Sign in again."]


class Expiring:
    """Accepts a token twice."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, token: str) -> auth.Principal:
        self.times += 1
        if self.times > 2:
            raise auth.TokenInvalid("It has expired.")
        return auth.Principal("ann")


def test_sign_out_forgets_the_token() -> None:
    it = signed_in(FakeApi(**{"GET /basket/ann": BASKET}), tokens.token("ann"))
    it.open("/shop/sign-in")
    it.submit("/shop/sign-out")
    it.open("/shop/basket")
    assert it.path == "/shop/sign-in"


def test_admin_pages_are_for_admins_only() -> None:
    user = signed_in(FakeApi(), tokens.token("ann"))
    assert "Admin</a>" not in user.page
    user.open("/shop/admin")
    assert user.status == 403
    admin = signed_in(FakeApi(), tokens.token("root", admin=True))
    assert 'href="/shop/admin/products/p-1"' in admin.open("/shop/admin")
    nobody = visiting(FakeApi())
    nobody.open("/shop/admin")
    assert nobody.path == "/shop/sign-in"


def test_service_that_refuses_a_user_is_shown_as_it_says() -> None:
    it = signed_in(
        FakeApi(**{"GET /basket/ann": refusal(403, "`userName` must be that of your token.")}), tokens.token()
    )
    it.open("/shop/basket")
    assert it.status == 403
    assert "must be that of your token" in it.page
