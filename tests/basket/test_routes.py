import copy
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

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


def test_a_basket_reads_back_as_it_was_answered(client: FlaskClient) -> None:
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


def test_a_clients_own_price_changes_nothing(client: FlaskClient) -> None:
    line = {"productId": "case", "quantity": 1, "price": 0.01, "productName": "Free", "addedPrice": 0}
    answer = client.post("/basket/ada/items", json=line).get_json()
    assert (answer["totalPrice"], answer["items"][0]["productName"]) == (14.5, "CASE")


@pytest.mark.parametrize(("query", "left"), [("?color=Red", ["Blue"]), ("", [])])
def test_one_colour_is_dropped_or_all(client: FlaskClient, query: str, left: list[str]) -> None:
    client.post("/basket/swn/items", json={"productId": "phone", "quantity": 1, "color": "Blue"})
    answer = client.delete(f"/basket/swn/items/phone{query}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert [line["color"] for line in client.get("/basket/swn").get_json()["items"]] == left


def test_a_deleted_basket_is_gone(client: FlaskClient) -> None:
    assert client.delete("/basket/swn").status_code == 204
    assert client.get("/basket/swn").status_code == client.delete("/basket/swn").status_code == 404


def test_all_baskets_are_listed_page_by_page(client: FlaskClient) -> None:
    client.post("/basket", json=BASKET | {"userName": "ada"})
    first = client.get("/basket?limit=1").get_json()
    last = client.get(f"/basket?limit=1&cursor={first['nextCursor']}").get_json()
    assert [basket["userName"] for basket in first["items"] + last["items"]] == ["swn", "ada"]
    assert last["nextCursor"] is None


def test_a_checkout_answers_the_order_and_where_it_will_be(client: FlaskClient) -> None:
    answer = checkout(client, totalPrice=1, expectedTotal=1900)
    body = answer.get_json()
    assert answer.status_code == 202
    assert (set(body), body["totalPrice"]) == ({"orderId", "orderDate", "totalPrice", "status"}, 1900)
    assert answer.headers["Location"] == f"http://orders/order/swn/{body['orderId']}"


@pytest.mark.parametrize("name", USER_NAMES)
def test_a_user_of_any_legal_name_fills_reads_and_orders_a_basket(client: FlaskClient, name: str) -> None:
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
def test_a_name_that_a_path_cannot_carry_is_refused_in_words(client: FlaskClient, name: str) -> None:
    for answer in (checkout(client, userName=name), client.post("/basket", json=BASKET | {"userName": name})):
        (error,) = answer.get_json()["errors"]
        assert (answer.status_code, error["pointer"]) == (422, "/userName")
        assert "254" in error["detail"]


def test_a_repeated_key_is_answered_byte_for_byte(client: FlaskClient) -> None:
    first, again = checkout(client, "key"), checkout(client, "key")
    assert (again.status_code, again.data, again.headers["Location"]) == (202, first.data, first.headers["Location"])


@pytest.mark.parametrize("mode", ["refuses", "raises", "is down"])
def test_a_checkout_is_accepted_whatever_the_bus_does(shop: BasketShop, client: FlaskClient, mode: str) -> None:
    shop.bus.mode = mode
    assert checkout(client).status_code == 202


def test_another_total_than_expected_is_told_the_right_one(client: FlaskClient) -> None:
    answer = checkout(client, expectedTotal=1899.99)
    assert (answer.status_code, answer.get_json()["totalPrice"]) == (409, 1900)
    assert checkout(client, expectedTotal=1900).status_code == 202


def test_an_unknown_outcome_names_the_order_and_when_to_ask_again(shop: BasketShop, client: FlaskClient) -> None:
    shop.baskets.fates.append(never_arrived)
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
def test_bad_input_gets_its_own_4xx_and_changes_nothing(
    shop: BasketShop, client: FlaskClient, send: Callable[[FlaskClient], TestResponse], status: int
) -> None:
    before = copy.deepcopy((shop.baskets.rows, shop.baskets.receipts))
    answer = send(client)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.get_json()["status"] == status
    assert before[0]
    assert (shop.baskets.rows, shop.baskets.receipts) == before


def test_an_empty_basket_and_a_key_that_stands_for_another_request_are_refused(client: FlaskClient) -> None:
    assert checkout(client, "key").status_code == 202
    assert checkout(client, "key", address="Ankara").status_code == 422
    client.post("/basket", json=BASKET | {"items": []})
    assert checkout(client).status_code == 409


@pytest.mark.parametrize("card", [CARD + " 1234 5678", CARD.replace("4111", "411x"), int(CARD.replace(" ", ""))])
def test_a_refused_card_number_is_not_repeated(
    client: FlaskClient, card: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    answer = checkout(client, cardInfo=card)
    assert [error["pointer"] for error in answer.get_json()["errors"]] == ["/cardInfo"]
    said = f"{answer.get_data(as_text=True)}{''.join(capsys.readouterr())}{caplog.text}"
    assert "1111" not in said


def test_the_catalogue_down_is_503(shop: BasketShop, client: FlaskClient) -> None:
    shop.catalogue.down = True
    assert [client.get("/basket/swn").status_code, checkout(client).status_code] == [503, 503]
    assert client.delete("/basket/swn").status_code == 204
