"""The demo against a tiny shop of one in-process server."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bootstrap.errors import Failed
from shop.demo import scenario
from shop.demo.scenario import Purchase
from tests.shops import free_ports

PRODUCTS = [{"id": "a", "price": 0.1}, {"id": "b", "price": 0.2}, {"id": "c", "price": 1299.99}]
TOTAL = 0.1 + 2 * 0.2 + 3 * 1299.99  # as binary floats 3900.4699999999998, which the demo must not compute
EXACT = Decimal("3900.47")


class TinyShop:
    """Answers as the three services do; a test changes one answer to see what the demo makes of it."""

    def __init__(self) -> None:
        self.products: list[dict[str, Any]] = PRODUCTS
        self.total: Any = 3900.47
        self.order_after = 2  # requests that still say 404
        self.statuses = ["PLACED", "PLACED", "CONFIRMED"]  # of the answers after that; the last one stays
        self.reason: dict[str, str] = {}
        self.checkout_status = 202
        self.problem: dict[str, Any] = {"title": "Conflict", "detail": "the basket changed"}
        self.with_location = True
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.url = ""

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, dict[str, str], Any]:
        self.requests.append((method, path, headers, body))
        if path.startswith("/product"):
            return 200, {}, {"items": self.products, "nextCursor": None}
        if path == "/basket/checkout":
            location = {"Location": f"{self.url}/order/u/o1"} if self.with_location else {}
            done = {"orderId": "o1", "totalPrice": self.total}
            return self.checkout_status, location, done if self.checkout_status == 202 else self.problem
        if path.startswith("/order"):
            self.order_after -= 1
            if self.order_after >= 0:
                return 404, {}, {}
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            return 200, {}, {"orderId": "o1", "totalPrice": self.total, "status": status} | self.reason
        return (200, {}, {}) if method == "POST" else (404, {}, {})


@contextmanager
def serving(shop: TinyShop) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            status, headers, answer = shop.answer(self.command, self.path, dict(self.headers), body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            """Not on the tests' terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        shop.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield
        server.shutdown()


@pytest.fixture
def shop() -> Iterator[TinyShop]:
    it = TinyShop()
    with serving(it):
        yield it


def buy(
    shop: TinyShop, deadline: float = 5, say: Callable[[str], None] = lambda _: None, card: str | None = None
) -> None:
    urls = dict.fromkeys(("product", "basket", "ordering"), shop.url)
    scenario.run(urls, deadline, "cat logs | grep", say, correlation_id="demo-1", card=card)


def test_a_purchase_shows_every_request(shop: TinyShop) -> None:
    said: list[str] = []
    buy(shop, say=said.append)
    text = "\n".join(said)
    assert [line.split()[-1] for line in said if "/order/" in line] == ["PLACED", "CONFIRMED"]
    assert text.count(" ms") == 7
    assert re.search(r"The order o1 of demo-\w+ is CONFIRMED, \d+ ms after the 202: 3 lines, 3900.47 in all", text)
    assert ".venv/bin/shop order o1" in text
    assert "cat logs | grep demo-1" in text
    assert ".venv/bin/shop demo --card 4000000000000002" in text


def test_a_rejected_order_of_a_given_card_is_shown_with_its_reason(shop: TinyShop) -> None:
    said: list[str] = []
    shop.statuses, shop.reason = ["PLACED", "REJECTING", "REJECTED"], {"reason": "PAYMENT_DECLINED"}
    buy(shop, say=said.append, card="4000000000000002")
    assert [line.split()[-1] for line in said if "/order/" in line] == ["PLACED", "REJECTING", "REJECTED"]
    assert "is REJECTED (PAYMENT_DECLINED), " in "\n".join(said)
    (card,) = {body["cardInfo"] for _, path, _, body in shop.requests if path == "/basket/checkout"}
    assert card == "4000000000000002"


@pytest.mark.parametrize(
    ("reason", "told"),
    [("OUT_OF_STOCK", r" One of its products is sold out\. Raise its stock at .*"), ("PAYMENT_X", "")],
)
def test_a_rejected_order_of_the_usual_card_is_reported(shop: TinyShop, reason: str, told: str) -> None:
    shop.statuses, shop.reason = ["REJECTED"], {"reason": reason}
    with pytest.raises(Failed, match=rf"It should be CONFIRMED\.{told} `.venv/bin/shop order o1` shows its way"):
        buy(shop)


def test_an_order_that_stays_open_is_reported_with_the_command_that_says_why(shop: TinyShop) -> None:
    shop.statuses = ["PLACED"]
    with pytest.raises(Failed, match=r"Order o1 is PLACED after 0.3 s. What it waits for: .venv/bin/shop order o1"):
        buy(shop, deadline=0.3)


def test_every_request_has_the_same_correlation_id(shop: TinyShop) -> None:
    buy(shop)
    assert {headers["X-Correlation-Id"] for _, _, headers, _ in shop.requests} == {"demo-1"}


def test_every_request_has_a_token_of_the_user(shop: TinyShop) -> None:
    urls = dict.fromkeys(("product", "basket", "ordering"), shop.url)
    scenario.run(urls, 5, "grep", lambda _: None, sign=lambda user: f"token-of-{user}")
    (user,) = {body["userName"] for _, _, _, body in shop.requests if body}
    assert {headers["Authorization"] for _, _, headers, _ in shop.requests} == {f"Bearer token-of-{user}"}


def test_each_demo_has_its_own_key_and_user(shop: TinyShop) -> None:
    buy(shop)
    buy(shop)
    checkouts = [
        (headers["Idempotency-Key"], body["userName"])
        for _, path, headers, body in shop.requests
        if path == "/basket/checkout"
    ]
    assert len({key for key, _ in checkouts}) == len({user for _, user in checkouts}) == 2


def test_the_sum_is_exact() -> None:
    priced = [product | {"price": Decimal(str(product["price"]))} for product in PRODUCTS]
    assert Purchase.of(priced, "u").total == EXACT
    assert Decimal(TOTAL) != EXACT


def test_a_wrong_total_is_reported(shop: TinyShop) -> None:
    shop.total = 3900.48
    with pytest.raises(Failed, match=r"total of the checkout's answer is 3900.48, but the items cost 3900.47"):
        buy(shop)


def test_a_missing_order_is_reported_with_the_command_to_follow_it(shop: TinyShop) -> None:
    shop.order_after = 1000
    with pytest.raises(Failed, match=r"o1 did not arrive within 0.3 s.*cat logs \| grep demo-1"):
        buy(shop, deadline=0.3)


def test_a_refused_checkout_is_reported_with_its_reason(shop: TinyShop) -> None:
    shop.checkout_status = 409
    with pytest.raises(Failed, match=r"basket answered 409 instead of 202: the basket changed\. Is another program"):
        buy(shop)


def test_an_invalid_card_is_reported_as_such(shop: TinyShop) -> None:
    wrong = {"pointer": "/cardInfo", "detail": "must be 12 to 19 digits"}
    shop.checkout_status, shop.problem = 422, {"detail": "Some fields are not valid.", "errors": [wrong]}
    with pytest.raises(Failed, match=r"basket answered 422 .* /cardInfo must be 12 to 19 digits$"):
        buy(shop, card="abc")


def test_errors_in_another_form_are_those_of_another_program(shop: TinyShop) -> None:
    shop.checkout_status, shop.problem = 400, {"detail": "no", "errors": "all"}
    with pytest.raises(Failed, match=r"basket answered 400 .* Is another program listening there\?"):
        buy(shop)


def test_a_shop_without_tables_is_reported_with_the_command_that_creates_them(shop: TinyShop) -> None:
    shop.checkout_status = 503
    with pytest.raises(Failed, match=r"basket answered 503 .*`make doctor` and .*`make up`"):
        buy(shop)


def test_a_checkout_without_location_is_reported(shop: TinyShop) -> None:
    shop.with_location = False
    with pytest.raises(Failed, match="no Location"):
        buy(shop)


def test_an_empty_catalogue_is_reported_with_the_command_that_fills_it(shop: TinyShop) -> None:
    shop.products = []
    with pytest.raises(Failed, match="`make reset`, or `make up` of containers, seeds it"):
        buy(shop)


def test_a_stopped_shop_is_reported_with_the_command_that_starts_it() -> None:
    nobody = TinyShop()
    nobody.url = f"http://127.0.0.1:{free_ports()['SHOP_PRODUCT_PORT']}"
    with pytest.raises(Failed, match=r"Nothing answers at .*make run"):
        buy(nobody)
