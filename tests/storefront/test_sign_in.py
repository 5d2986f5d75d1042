"""The login at an OpenID provider, over HTTP, and attacks on it."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import HTTPErrorProcessor, build_opener

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.core.errors import Misconfigured
from chassis.web.edge import Edge
from services.storefront.app import POLICY, create_app
from services.storefront.login import Login
from services.storefront.service import Storefront
from services.storefront.wiring import Wiring
from tests import tokens
from tests.processes import serving
from tests.storefront.fakes import BASKET, BUYER, ORDER, RECEIPT, FakeApi, forms
from tests.storefront.provider import Provider

ADDRESS = "https://shop.example.com"
CALLBACK = f"{ADDRESS}/shop/sign-in/done"
ANSWERS = {
    "GET /basket/ann": BASKET,
    "GET /order/ann": {"items": [ORDER]},
    "GET /order/ann/o-1": ORDER,
    "POST /basket/checkout": RECEIPT,
}


@pytest.fixture
def provider() -> Iterator[Provider]:
    it = Provider(CALLBACK)
    with serving(it.app) as it.url:
        yield it


def env(provider: Provider, **others: str) -> dict[str, str]:
    own = {"AUTH_ISSUER": provider.url, "AUTH_JWKS": f"{provider.url}/jwks", "AUTH_AUDIENCE": tokens.AUDIENCE}
    login = {"SHOP_LOGIN_CLIENT": tokens.AUDIENCE, "SHOP_LOGIN_ADDRESS": f"{ADDRESS}/"}
    return {**own, **login, "SHOP_LOGIN_PASSWORD": provider.secret, **others}


def shop(provider: Provider, api: FakeApi | None = None, **others: str) -> Flask:
    its = env(provider, **others)
    return create_app(Storefront(api or FakeApi(**ANSWERS)), "k" * 16, Edge.from_env(its), Wiring(its).login)


def opened(url: str) -> str:
    """Where the provider sends the browser."""

    class Stays(HTTPErrorProcessor):
        def http_response(self, _: Any, answer: Any) -> Any:
            return answer

    with build_opener(Stays).open(url, timeout=30) as answer:
        return str(answer.headers["Location"])


def begun(client: FlaskClient) -> str:
    """The address of the login page."""
    answer = client.get("/shop/sign-in/begin")
    assert answer.status_code == 303
    return answer.headers["Location"]


def back(client: FlaskClient, url: str) -> TestResponse:
    """The browser follows the provider's redirect."""
    assert url.startswith(f"{CALLBACK}?")
    return client.get(url.removeprefix(ADDRESS))


def signed_in(client: FlaskClient) -> TestResponse:
    return back(client, opened(begun(client)))


def query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def is_signed_in(client: FlaskClient) -> bool:
    return client.get("/shop/basket").status_code == 200


@pytest.mark.parametrize("secret", ["", "s3cret:/+ é"], ids=["public", "confidential"])
@pytest.mark.parametrize("path", ["/shop/checkout", "/shop/orders/o-1?x=1"])
def test_login_leads_back_to_the_page_that_the_visitor_wanted(provider: Provider, secret: str, path: str) -> None:
    provider.secret, api = secret, FakeApi(**ANSWERS)
    client = shop(provider, api).test_client()
    assert client.get(path).headers["Location"] == "/shop/sign-in"
    assert 'href="/shop/sign-in/begin"' in client.get("/shop/sign-in").text
    answer = signed_in(client)
    assert (answer.status_code, answer.headers["Location"].rstrip("?")) == (303, path)
    assert client.get(path).status_code == 200
    assert api.visitors[-1].user == "ann"
    assert api.visitors[-1].token.count(".") == 2


def test_login_page_gets_what_the_standards_ask_for_and_further_parameters(provider: Provider) -> None:
    further = "audience=https://shop.example.com/api&scope=openid profile&client_id=other&state=other"
    first, second = (query(begun(shop(provider, SHOP_LOGIN_PARAMETERS=further).test_client())) for _ in range(2))
    assert first["audience"] == "https://shop.example.com/api"
    assert (first["scope"], first["client_id"], first["redirect_uri"]) == ("openid profile", tokens.AUDIENCE, CALLBACK)
    assert (first["response_type"], first["code_challenge_method"]) == ("code", "S256")
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]


def changed(url: str, **members: str) -> str:
    return f"{url.partition('?')[0]}?{urlencode(query(url) | members)}"


@pytest.mark.parametrize("state", ["", "forged", "none", "é"])
def test_forged_state_is_refused(provider: Provider, state: str) -> None:
    client = shop(provider).test_client()
    answer = back(client, changed(opened(begun(client)), state=state))
    assert answer.status_code == 400
    assert "This browser has not begun this login" in answer.text
    assert "/token" not in provider.visits
    assert not is_signed_in(client)


def test_answer_to_the_login_of_another_browser_signs_nobody_in(provider: Provider) -> None:
    """Otherwise an attacker could sign a customer in as the attacker."""
    mine, other = (shop(provider).test_client() for _ in range(2))
    stolen = opened(begun(mine))
    assert back(other, stolen).status_code == 400
    begun(other)
    assert back(other, stolen).status_code == 400
    assert not is_signed_in(other)


def test_code_works_once_even_with_the_cookie_of_its_login(provider: Provider) -> None:
    client = shop(provider).test_client()
    answer = opened(begun(client))
    cookie = client.get_cookie("shopwire", path="/shop")
    assert back(client, answer).status_code == 303
    assert back(client, answer).status_code == 400
    thief = client.application.test_client()
    assert cookie
    thief.set_cookie("shopwire", cookie.value, path="/shop")
    refused = back(thief, answer)
    assert refused.status_code == 400
    assert "took too long, or was used before" in refused.text
    assert not is_signed_in(thief)


def test_code_of_another_login_of_the_same_client_is_refused(provider: Provider) -> None:
    """PKCE: the code was made for another verifier."""
    mine, other = (shop(provider).test_client() for _ in range(2))
    stolen = query(opened(begun(mine)))["code"]
    assert back(other, changed(opened(begun(other)), code=stolen)).status_code == 400
    assert not is_signed_in(other)


@pytest.mark.parametrize(
    ("attribute", "claims", "status"),
    [
        ("access", {"client_id": "another-client"}, 401),
        ("access", {"iss": "https://other.test"}, 401),
        ("access", {"exp": 1}, 401),
        ("id", {"aud": "another-client"}, 401),
        ("id", {"iss": "https://other.test"}, 401),
        ("id", {"exp": 1}, 401),
        ("id", {"nonce": "of another login"}, 400),
        ("id", {"nonce": None}, 400),
    ],
)
def test_tokens_for_others_sign_nobody_in(
    provider: Provider, attribute: str, claims: Mapping[str, Any], status: int
) -> None:
    setattr(provider, attribute, claims)
    client = shop(provider).test_client()
    assert signed_in(client).status_code == status
    assert not is_signed_in(client)


def test_answer_of_another_issuer_is_refused(provider: Provider) -> None:
    """RFC 9207: the browser was led to another provider, which passes the code on to this shop."""
    client = shop(provider).test_client()
    assert back(client, changed(opened(begun(client)), iss="https://evil.test")).status_code == 400
    assert back(client, changed(opened(begun(client)), iss=provider.url)).status_code == 303
    provider.document = {"authorization_response_iss_parameter_supported": True}
    assert signed_in(shop(provider).test_client()).status_code == 400


def test_discovery_document_of_another_issuer_is_not_used(provider: Provider) -> None:
    provider.document = {"issuer": "https://evil.test"}
    answer = shop(provider).test_client().get("/shop/sign-in/begin")
    assert (answer.status_code, "Location" in answer.headers) == (503, False)


@pytest.mark.parametrize(
    "wanted", ["https://evil.test", "//evil.test", "/shop\r\nX-Evil: 1", "/shop.evil.test", "\\\\evil.test"]
)
def test_login_leads_to_pages_of_the_shop_only(provider: Provider, wanted: str) -> None:
    client = shop(provider).test_client()
    token = forms(client.get("/shop/products/p-1").text)[0][1]["csrf_token"]
    sent = {"csrf_token": token, "productId": "p-1", "back": wanted}
    assert client.post("/shop/basket/add", data=sent).headers["Location"] == "/shop/sign-in"
    answer = signed_in(client)
    assert answer.headers["Location"] == "/shop"
    assert "X-Evil" not in answer.headers


def test_what_the_answer_contains_gets_into_no_header_and_no_page(provider: Provider) -> None:
    client = shop(provider).test_client()
    evil = "<script>alert(1)</script>\r\nSet-Cookie: a=b"
    answer = back(client, changed(opened(begun(client)), code=evil))
    assert (answer.status_code, "alert(1)" in answer.text, "a=b" in str(answer.headers)) == (400, False, False)
    state = query(begun(client))["state"]
    answer = back(client, f"{CALLBACK}?error=x%0d%0aSet-Cookie:a%3db&error_description=alert(1)&state={state}")
    assert (answer.status_code, "alert(1)" in answer.text, "a=b" in str(answer.headers)) == (503, False, False)


def test_nothing_of_the_session_before_the_login_is_left(provider: Provider) -> None:
    client = shop(provider).test_client()
    client.get("/shop/sign-in")
    with client.session_transaction("/shop") as session:
        session.update({"placed": ["o-9"], "pieces": 3, "csrf_token": "fixed", "owner": "eve"})
    signed_in(client)
    with client.session_transaction("/shop") as session:
        assert set(session) == {"token", "owner", "_permanent"}


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        ("access_denied", 400, "The login was cancelled"),
        ("temporarily_unavailable", 503, "does not answer"),
        ("unauthorized_client", 503, "refuses what the shop asks"),
    ],
)
def test_error_of_the_login_page_is_explained_and_the_login_can_be_tried_again(
    provider: Provider, error: str, status: int, words: str
) -> None:
    client = shop(provider).test_client()
    answer = back(client, f"{CALLBACK}?error={error}&state={query(begun(client))['state']}")
    assert answer.status_code == status
    assert words in answer.text
    assert 'href="/shop/sign-in/begin"' in answer.text
    assert signed_in(client).status_code == 303


@pytest.mark.parametrize(
    "answer",
    [
        ("<h1>Bad gateway</h1>", 502),
        ({"error": "server_error"}, 500),
        ("[]", 200),
        ({"access_token": "x"}, 200),
        ({"access_token": 1, "id_token": 2}, 200),
        ({"error": "invalid_client"}, 401),
        ("[" * 70_000, 200),
    ],
)
def test_unusable_answer_of_the_token_endpoint_is_the_fault_of_the_provider(provider: Provider, answer: Any) -> None:
    provider.token = lambda: answer
    client = shop(provider).test_client()
    assert signed_in(client).status_code == 503
    assert not is_signed_in(client)


@pytest.mark.parametrize(("status", "padding"), [(500, 0), (200, 70_000)], ids=["failed", "too large"])
def test_tokens_in_an_answer_that_failed_or_is_too_large_are_not_used(
    provider: Provider, status: int, padding: int
) -> None:
    provider.token = lambda: (provider.tokens() | {"padding": "x" * padding}, status)
    client = shop(provider).test_client()
    assert signed_in(client).status_code == 503
    assert not is_signed_in(client)


def test_attempt_is_used_once_whatever_comes_of_it(provider: Provider) -> None:
    client = shop(provider).test_client()
    answer = opened(begun(client))
    state = query(answer)["state"]
    back(client, f"{CALLBACK}?error=access_denied&state={state}")
    assert back(client, answer).status_code == 400
    assert "/token" not in provider.visits


def test_provider_that_is_down_is_said_and_the_catalogue_goes_on() -> None:
    down = Provider(CALLBACK)
    down.url = "http://127.0.0.1:9"
    client = shop(down).test_client()
    answer = client.get("/shop/sign-in/begin")
    assert (answer.status_code, "The login provider does not answer." in answer.text) == (503, True)
    assert client.get("/shop").status_code == 200


def silent() -> Any:
    time.sleep(0.6)
    return "{}"


def drips() -> Any:
    def body() -> Iterator[bytes]:
        for _ in range(20):
            time.sleep(0.05)
            yield b" "

    return body()


@pytest.mark.parametrize("late", [silent, drips], ids=["silent", "drips"])
def test_slow_provider_is_given_up_in_time(provider: Provider, late: Callable[[], Any]) -> None:
    provider.token = late
    its = Wiring(env(provider)).login
    assert its
    login = Login(provider.url, its._client, its._claims, timeout=0.2)
    app = create_app(Storefront(FakeApi(**ANSWERS)), "k" * 16, Edge.from_env(env(provider)), login)
    client = app.test_client()
    answer = opened(begun(client))
    started = time.monotonic()
    assert back(client, answer).status_code == 503
    assert time.monotonic() - started < 0.55


def signs_out(client: FlaskClient) -> TestResponse:
    _, fields = next(it for it in forms(client.get("/shop/sign-in").text) if it[0] == "/shop/sign-out")
    return client.post("/shop/sign-out", data=fields)


def test_sign_out_ends_the_session_of_the_provider_too(provider: Provider) -> None:
    client = shop(provider).test_client()
    signed_in(client)
    answer = signs_out(client)
    [link] = re.findall(f'href="({provider.url}.*?)"', unescape(answer.text))
    assert f'<meta http-equiv="refresh" content="0; url={link}">' in unescape(answer.text)
    assert link.startswith(f"{provider.url}/logout?")
    home = f"{ADDRESS}/shop"
    assert query(link) == {"client_id": tokens.AUDIENCE, "post_logout_redirect_uri": home, "logout_uri": home}
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert not is_signed_in(client)


def test_sign_out_works_without_the_provider_and_says_what_is_left(provider: Provider) -> None:
    provider.document = {"end_session_endpoint": ""}
    client = shop(provider).test_client()
    signed_in(client)
    assert "The login provider may still know you" in signs_out(client).text
    assert not is_signed_in(client)


def test_other_site_cannot_sign_a_visitor_out(provider: Provider) -> None:
    client = shop(provider).test_client()
    signed_in(client)
    assert client.post("/shop/sign-out").status_code == 400
    assert client.get("/shop/sign-out").status_code == 405
    assert is_signed_in(client)


def test_form_survives_the_end_of_the_token(provider: Provider) -> None:
    """The browser sends the same form again after another sign-in of the same user."""
    api = FakeApi(**ANSWERS)
    client = shop(provider, api).test_client()
    signed_in(client)
    _, fields = next(it for it in forms(client.get("/shop/checkout").text) if "cardInfo" in it[1])
    fields |= BUYER | {"cardInfo": "4111111111111111"}
    expire(client)
    answer = client.post("/shop/checkout", data=fields)
    assert (answer.status_code, "Your sign-in has ended" in answer.text) == (401, True)
    assert api.sent("POST", "/basket/checkout") == []
    signed_in(client)
    assert client.post("/shop/checkout", data=fields).status_code == 303
    assert len(api.sent("POST", "/basket/checkout")) == 1


def test_form_of_one_user_is_refused_after_the_sign_in_of_another(provider: Provider) -> None:
    api = FakeApi(**ANSWERS)
    client = shop(provider, api).test_client()
    signed_in(client)
    _, fields = next(it for it in forms(client.get("/shop/checkout").text) if "cardInfo" in it[1])
    expire(client)
    client.post("/shop/checkout", data=fields)
    provider.user = "eve"
    signed_in(client)
    assert client.post("/shop/checkout", data=fields).status_code == 400
    assert api.sent("POST", "/basket/checkout") == []


def expire(client: FlaskClient) -> None:
    with client.session_transaction("/shop") as session:
        session["token"] = tokens.token("ann", exp=1)


def test_shop_without_a_login_has_no_such_pages() -> None:
    client = create_app(Storefront(FakeApi()), "k" * 16).test_client()
    assert {client.get(f"/shop/sign-in/{page}").status_code for page in ("begin", "done")} == {404}


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("AUTH_ISSUER", "", "needs SHOP_AUTH=on"),
        ("AUTH_JWKS", "", "needs SHOP_AUTH=on"),
        ("SHOP_LOGIN_ADDRESS", "", "needs SHOP_LOGIN_ADDRESS"),
        ("SHOP_LOGIN_ADDRESS", "shop.example.com", "needs SHOP_LOGIN_ADDRESS"),
    ],
)
def test_incomplete_settings_of_a_login_are_refused(setting: str, value: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        Wiring(env(Provider(CALLBACK)) | {"AUTH_ISSUER": "https://i", "AUTH_JWKS": tokens.jwks()} | {setting: value})
