"""What every page keeps to: policy, cookies, CSRF protection, nothing from another host."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from gunicorn.http.errors import InvalidChunkSize

from chassis.web.edge import Edge
from chassis.web.proxies import Proxies
from services.storefront.app import POLICY, create_app
from services.storefront.service import Storefront
from tests.storefront.fakes import BASKET, ORDER, FakeApi, browser, forms, refusal

KEY = "k" * 16
STATIC = Path(__file__).parents[2] / "services" / "storefront" / "static"
ANSWERS: dict[str, Any] = {
    "GET /basket/ann": BASKET,
    "GET /order/ann": {"items": [ORDER], "nextCursor": "c"},
    "GET /order/ann/o-1": ORDER,
    "POST /basket/checkout": refusal(422, errors=[{"pointer": "/email", "detail": "is wrong"}]),
}
VALUES = {"product_id": "p-1", "order_id": "o-1"}


def app(edge: Edge | None = None) -> Flask:
    return create_app(Storefront(FakeApi(**ANSWERS)), KEY, edge)


def signed_in(it: Flask) -> FlaskClient:
    client = it.test_client()
    page = browser(client)
    page.open("/shop/sign-in")
    page.submit("/shop/sign-in", who="ann")
    return client


def pages(it: Flask) -> list[str]:
    """The path of every page."""
    rules = [rule for rule in it.url_map.iter_rules() if rule.endpoint.partition(".")[2] and "GET" in rule.methods]  # type: ignore[operator] # never None
    return [re.sub(r"<(\w+)>", lambda name: VALUES[name[1]], rule.rule) for rule in rules if rule.rule != "/"]


PAGES = pages(app())


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return signed_in(app())


def test_all_pages_are_known() -> None:
    assert len(PAGES) == 11


@pytest.mark.parametrize("path", [*PAGES, "/", "/shop/none", "/shop/static/shop.css", "/health/live"])
def test_every_answer_has_a_strict_policy(client: FlaskClient, path: str) -> None:
    with client.get(path) as answer:
        assert answer.headers["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Referrer-Policy"]) == ("nosniff", "same-origin")


@pytest.mark.parametrize("path", [*PAGES, "/shop/none"])
def test_page_refers_to_no_other_host_and_has_nothing_inline(client: FlaskClient, path: str) -> None:
    text = client.get(path).text
    links = re.findall(r'(?:href|src|action|content)="([^"]*)"', text)
    assert [link for link in links if "//" in link] == []
    assert re.findall(r"<script(?![^>]* src=)|<style| style=| on\w+=", text) == []


@pytest.mark.parametrize("path", sorted(STATIC.iterdir()), ids=lambda path: path.name)
def test_file_loads_nothing_from_another_host(path: Path) -> None:
    text = path.read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert re.findall(r"https?:|//\w|@import|url\(", text.replace("// ", "")) == []


@pytest.mark.parametrize("path", PAGES)
def test_page_is_small_and_can_be_read_without_seeing_it(client: FlaskClient, path: str) -> None:
    text = client.get(path).text
    assert len(text) < 16_000
    if path.endswith("/steps"):
        return
    assert text.count("<h1>") == 1
    assert '<html lang="en">' in text
    assert 'href="#content"' in text
    labelled = set(re.findall(r'<label for="([^"]+)"', text))
    fields = re.findall(r'<(?:input|textarea) id="([^"]+)"', text)
    assert set(fields) == labelled
    assert re.findall(r"<button[^>]*>\s*</button>", text) == []


@pytest.mark.parametrize("path", PAGES)
def test_every_form_without_its_token_is_refused(client: FlaskClient, path: str) -> None:
    for action, fields in forms(client.get(path).text):
        assert fields.pop("csrf_token")
        for wrong in (fields, fields | {"csrf_token": "x"}):
            answer = client.post(action or path, data=wrong)
            assert answer.status_code == 400
            assert "Nothing was changed." in answer.text


def test_every_route_that_changes_something_needs_a_token() -> None:
    it, api = app(), FakeApi(**ANSWERS)
    it.extensions["service"] = Storefront(api)
    client = signed_in(it)
    changing = [rule.rule for rule in it.url_map.iter_rules() if "POST" in rule.methods]  # type: ignore[operator] # never None
    paths = [re.sub(r"<(\w+)>", lambda name: VALUES[name[1]], rule) for rule in changing]
    assert len(paths) == 10
    assert {client.post(path).status_code for path in paths} == {400}
    assert [method for method, *_ in api.calls if method != "GET"] == []


def test_token_of_another_visitor_is_refused() -> None:
    it = app()
    ann, bob = signed_in(it), signed_in(it)
    [(_, fields)] = forms(bob.get("/shop/sign-in").text)
    assert ann.post("/shop/sign-in", data=fields | {"who": "eve"}).status_code == 400


def test_cookie_cannot_be_read_by_scripts_or_sent_by_other_sites() -> None:
    cookie = app().test_client().get("/shop").headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/shop"} <= set(cookie.split("; "))
    assert "Secure" not in cookie


@pytest.mark.parametrize("peer", ["127.0.0.1", "192.0.2.1"])
def test_cookie_needs_https_if_a_trusted_proxy_says_that_the_visitor_uses_it(peer: str) -> None:
    client = app(Edge(proxies=Proxies(["127.0.0.1"]))).test_client()
    headers = {"X-Forwarded-Proto": "https"}
    cookie = client.get("/shop", headers=headers, environ_base={"REMOTE_ADDR": peer}).headers["Set-Cookie"]
    assert ("Secure" in cookie) == (peer == "127.0.0.1")


def test_forged_cookie_is_another_visitor() -> None:
    client = app().test_client()
    client.set_cookie("shopwire", create_app(Storefront(FakeApi()), "another key, 16").name, path="/shop")
    assert "guest-" in client.get("/shop/sign-in").text


def test_what_services_answer_is_escaped() -> None:
    evil = {"id": "p-1", "name": "<script>alert(1)</script>", "category": '"><b>', "price": 1, "version": 1}
    api = FakeApi(**{"GET /product": {"items": [evil], "nextCursor": None}, "GET /product/p-1": evil})
    client = create_app(Storefront(api), KEY).test_client()
    for path in ("/shop", "/shop/products/p-1", "/shop/admin/products/p-1"):
        text = client.get(path).text
        assert "&lt;script&gt;" in text
        assert "<script>" not in text
        assert '"><b>' not in text


def test_curl_gets_text_and_a_browser_the_catalogue() -> None:
    client = app().test_client()
    text = client.get("/", headers={"Accept": "*/*", "Host": "shop.test:8006"})
    assert (text.status_code, text.mimetype) == (200, "text/plain")
    assert "Open http://shop.test:8006/shop in a browser." in text.text
    assert "Set-Cookie" not in text.headers
    shown = client.get("/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (shown.status_code, shown.headers["Location"]) == (303, "/shop")


def test_health_follows_the_catalogue_as_a_problem_document() -> None:
    assert app().test_client().get("/health/ready").get_json() == {"status": "ready"}
    client = create_app(Storefront(FakeApi(**{"GET /health/ready": refusal(503, "No table.")})), KEY).test_client()
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.mimetype, answer.get_json()["detail"]) == (
        503, "application/problem+json", "No table.",
    )  # fmt: skip
    assert client.get("/health/live").status_code == 200


def test_malformed_body_is_the_fault_of_its_sender() -> None:
    class Chunks:
        def read(self, *_: Any) -> bytes:
            raise InvalidChunkSize(b"zz")

    body = {"wsgi.input": Chunks(), "wsgi.input_terminated": True}
    form = "application/x-www-form-urlencoded"
    answer = app().test_client().post("/shop/sign-in", content_type=form, environ_overrides=body)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")


def test_bug_gives_a_page_without_a_stack_trace(capsys: pytest.CaptureFixture[str]) -> None:
    client = create_app(Storefront(FakeApi(**{"GET /product": {"items": [{}]}})), KEY).test_client()
    answer = client.get("/shop")
    assert answer.status_code == 500
    assert "X-Correlation-Id" in answer.text
    assert "Traceback" not in answer.text
    assert "unexpected error" in capsys.readouterr().out
