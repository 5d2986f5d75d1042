import copy
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.web.edge import Edge
from chassis.web.proxies import Proxies
from services.basket.app import create_app
from tests.fakes import BasketShop, never_arrived
from tests.samples import BASKET, CARD, CHECKOUT, NO_USER_NAMES, USER_NAMES

RED = {"productId": "phone", "quantity": 1, "color": "Red"}


@pytest.fixture
def shop() -> BasketShop:
    return BasketShop(phone="950", case="14.50")


@pytest.fixture
def client(shop: BasketShop) -> FlaskClient:
    client = create_app(shop.service, lambda: None, "http://orders/").test_client()
    assert client.post("/basket", json=BASKET).status_code == 200
    return client


def checkout(client: FlaskClient, key: str | None = None, **fields: Any) -> TestResponse:
    return client.post("/basket/checkout", json=CHECKOUT | fields, headers={"Idempotency-Key": key} if key else {})


def test_basket_is_read_back_as_it_was_returned(client: FlaskClient) -> None:
    written = client.post("/basket", json=BASKET).get_json()
    assert client.get("/basket/swn").get_json() == written
    assert written == {
        "userName": "swn",
        "totalPrice": 1900.0,
        "items": [
            {
                "productId": "phone",
                "productName": "PHONE",
                "color": "Red",
                "quantity": 2,
                "price": 950.0,
                "addedPrice": 950.0,
            }
        ],
    }


def test_price_of_the_client_is_ignored(client: FlaskClient) -> None:
    line = {"productId": "case", "quantity": 1, "price": 0.01, "productName": "Free", "addedPrice": 0}
    answer = client.post("/basket/ada/items", json=line).get_json()
    assert (answer["totalPrice"], answer["items"][0]["productName"]) == (14.5, "CASE")


@pytest.mark.parametrize(("query", "left"), [("?color=Red", ["Blue"]), ("", [])])
def test_one_colour_or_all_are_removed(client: FlaskClient, query: str, left: list[str]) -> None:
    client.post("/basket/swn/items", json={"productId": "phone", "quantity": 1, "color": "Blue"})
    answer = client.delete(f"/basket/swn/items/phone{query}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert [line["color"] for line in client.get("/basket/swn").get_json()["items"]] == left


def test_deleted_basket_is_a_404(client: FlaskClient) -> None:
    assert client.delete("/basket/swn").status_code == 204
    assert client.get("/basket/swn").status_code == client.delete("/basket/swn").status_code == 404


def test_all_baskets_are_listed_page_by_page(client: FlaskClient) -> None:
    client.post("/basket", json=BASKET | {"userName": "ada"})
    first = client.get("/basket?limit=1").get_json()
    last = client.get(f"/basket?limit=1&cursor={first['nextCursor']}").get_json()
    assert [basket["userName"] for basket in first["items"] + last["items"]] == ["swn", "ada"]
    assert last["nextCursor"] is None


def test_checkout_returns_the_order_and_its_location(client: FlaskClient) -> None:
    answer = checkout(client, totalPrice=1, expectedTotal=1900)
    body = answer.get_json()
    assert answer.status_code == 202
    assert (set(body), body["totalPrice"]) == ({"orderId", "orderDate", "totalPrice", "status"}, 1900)
    assert answer.headers["Location"] == f"http://orders/order/swn/{body['orderId']}"


@pytest.mark.parametrize(
    ("peer", "beginning"), [("10.0.0.8", "/order/swn/"), ("127.0.0.1", "http://orders/order/swn/")]
)
def test_location_is_relative_to_the_address_of_a_trusted_proxy_only(
    shop: BasketShop, peer: str, beginning: str
) -> None:
    app = create_app(shop.service, lambda: None, "http://orders", Edge(proxies=Proxies(["10.0.0.8"])))
    client = app.test_client()
    client.post("/basket", json=BASKET)
    headers = {"X-Forwarded-Host": "evil.test"}
    answer = client.post("/basket/checkout", json=CHECKOUT, headers=headers, environ_base={"REMOTE_ADDR": peer})
    assert answer.headers["Location"] == f"{beginning}{answer.get_json()['orderId']}"


@pytest.mark.parametrize("name", USER_NAMES)
def test_user_with_any_valid_name_can_fill_read_and_check_out_a_basket(client: FlaskClient, name: str) -> None:
    path = f"/basket/{quote(name, safe='')}"
    assert client.post(f"{path}/items", json=RED).status_code == 200
    assert client.get(path).get_json()["userName"] == name
    answer = checkout(client, userName=name)
    order_id = answer.get_json()["orderId"]
    location = answer.headers["Location"]
    assert location == f"http://orders/order/{quote(name, safe='')}/{order_id}"
    assert [unquote(part) for part in urlsplit(location).path.split("/")] == ["", "order", name, order_id]
    assert client.delete(path).status_code == 404


@pytest.mark.parametrize("name", NO_USER_NAMES)
def test_user_name_that_no_path_can_have_is_rejected(client: FlaskClient, name: str) -> None:
    for answer in (checkout(client, userName=name), client.post("/basket", json=BASKET | {"userName": name})):
        (error,) = answer.get_json()["errors"]
        assert (answer.status_code, error["pointer"]) == (422, "/userName")
        assert "254" in error["detail"]


def test_repeated_key_gets_the_same_bytes(client: FlaskClient) -> None:
    first, again = checkout(client, "key"), checkout(client, "key")
    assert (again.status_code, again.data, again.headers["Location"]) == (202, first.data, first.headers["Location"])


@pytest.mark.parametrize("mode", ["refuses", "raises", "is down"])
def test_checkout_is_accepted_without_the_bus(shop: BasketShop, client: FlaskClient, mode: str) -> None:
    shop.bus.mode = mode
    assert checkout(client).status_code == 202


def test_wrong_expected_total_is_a_409_with_the_current_total(client: FlaskClient) -> None:
    answer = checkout(client, expectedTotal=1899.99)
    assert (answer.status_code, answer.get_json()["totalPrice"]) == (409, 1900)
    assert checkout(client, expectedTotal=1900).status_code == 202


def test_unknown_outcome_names_the_order_and_has_retry_after(shop: BasketShop, client: FlaskClient) -> None:
    shop.baskets.effects.append(never_arrived)
    shop.baskets.after_reads.extend([lambda: None, lambda: setattr(shop.baskets, "down", True)])
    answer = checkout(client)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert answer.get_json()["orderId"] in answer.get_json()["detail"]


@pytest.mark.parametrize(
    ("send", "status"),
    [
        (lambda c: checkout(c, userName="nobody"), 404),
        (lambda c: c.get("/basket/nobody"), 404),
        (lambda c: c.delete("/basket/swn/items/none"), 404),
        (lambda c: c.delete("/basket/swn/items/phone?color=Green"), 404),
        (lambda c: checkout(c, address="1 Harbour\ufffe Street"), 400),
        (lambda c: checkout(c, "two words"), 422),
        (lambda c: checkout(c, "k" * 256), 422),
        (lambda c: checkout(c, cvv="123"), 422),
        (lambda c: c.post("/basket", json=BASKET | {"items": [{"productId": "boat", "quantity": 1}]}), 422),
        (lambda c: c.post("/basket", json=BASKET | {"extra": 1}), 422),
        (lambda c: c.post("/basket", json=[]), 422),
        (lambda c: c.post("/basket/swn/items", json=RED | {"quantity": 998}), 422),
        (lambda c: c.get("/basket/a%20b"), 422),
        (lambda c: c.delete("/basket/swn/items/phone?colour=Red"), 422),
        (lambda c: c.get("/basket?limit=999"), 422),
        (lambda c: c.get("/basket?cursor=tampered"), 400),
        (lambda c: c.post("/basket", data=b'{"userName": NaN}', content_type="application/json"), 400),
        (lambda c: c.post("/basket", data=b"[" * 30_000, content_type="application/json"), 400),
        (lambda c: c.post("/basket", data=b"{}", content_type="text/plain"), 415),
        (lambda c: c.post("/basket", data=b" " * 70_000, content_type="application/json"), 413),
        (lambda c: c.put("/basket/swn"), 405),
    ],
)
def test_bad_input_gets_a_matching_4xx_and_changes_nothing(
    shop: BasketShop, client: FlaskClient, send: Callable[[FlaskClient], TestResponse], status: int
) -> None:
    before = copy.deepcopy((shop.baskets.rows, shop.baskets.receipts))
    answer = send(client)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.get_json()["status"] == status
    assert before[0]
    assert (shop.baskets.rows, shop.baskets.receipts) == before


def test_empty_basket_is_a_409_and_reused_key_a_422(client: FlaskClient) -> None:
    assert checkout(client, "key").status_code == 202
    assert checkout(client, "key", address="Ankara").status_code == 422
    client.post("/basket", json=BASKET | {"items": []})
    assert checkout(client).status_code == 409


@pytest.mark.parametrize("card", [CARD + " 1234 5678", CARD.replace("4111", "411x"), int(CARD.replace(" ", ""))])
def test_rejected_card_number_is_not_repeated(
    client: FlaskClient, card: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    answer = checkout(client, cardInfo=card)
    assert [error["pointer"] for error in answer.get_json()["errors"]] == ["/cardInfo"]
    said = f"{answer.get_data(as_text=True)}{''.join(capsys.readouterr())}{caplog.text}"
    assert "1111" not in said


def test_unavailable_catalogue_is_a_503(shop: BasketShop, client: FlaskClient) -> None:
    shop.catalogue.down = True
    assert [client.get("/basket/swn").status_code, checkout(client).status_code] == [503, 503]
    assert client.delete("/basket/swn").status_code == 204
