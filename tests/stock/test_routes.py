from typing import Any

import pytest
from flask.testing import FlaskClient

from chassis.core.errors import Unavailable
from services.stock.app import create_app
from tests.fakes import never_arrived, refused
from tests.stock_fakes import StockShop, confirmed, reserve


@pytest.fixture
def shop() -> StockShop:
    return StockShop(tea=10)


@pytest.fixture
def client(shop: StockShop) -> FlaskClient:
    return create_app(shop.service, lambda: None).test_client()


def test_level_counts_available_reserved_and_sold_pieces(client: FlaskClient, shop: StockShop) -> None:
    shop.service.reserve(reserve("o-1", tea=3))
    shop.service.reserve(reserve("o-2", tea=2))
    shop.service.sell(confirmed("o-2"))
    answer = client.get("/stock/tea")
    assert (answer.status_code, answer.get_json()) == (
        200, {"productId": "tea", "available": 5, "reserved": 3, "sold": 2},
    )  # fmt: skip


def test_untracked_product_is_not_found(client: FlaskClient) -> None:
    answer = client.get("/stock/pot")
    assert answer.status_code == 404
    assert answer.get_json()["detail"] == "Product pot is not tracked. Any quantity of it can be ordered."


def test_first_level_is_created_and_the_next_one_replaces_it(client: FlaskClient) -> None:
    first = client.put("/stock/pot", json={"available": 4})
    level = {"productId": "pot", "available": 4, "reserved": 0, "sold": 0}
    assert (first.status_code, first.get_json()) == (201, level | {"previousAvailable": None})
    second = client.put("/stock/pot", json={"available": 0})
    assert (second.status_code, second.get_json()) == (200, level | {"available": 0, "previousAvailable": 4})
    assert client.get("/stock/pot").get_json() == level | {"available": 0}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "available"),
        ({"available": -1}, "available"),
        ({"available": 1_000_000_001}, "available"),
        ({"available": 1.5}, "available"),
        ({"available": "7"}, "available"),
        ({"available": True}, "available"),
        ({"available": None}, "available"),
        ({"available": 7, "reserved": 0}, "reserved"),
    ],
)
def test_invalid_level_is_rejected_with_its_field(client: FlaskClient, body: dict[str, Any], field: str) -> None:
    answer = client.put("/stock/tea", json=body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.get_json()["errors"]] == [f"/{field}"]
    assert client.get("/stock/tea").get_json()["available"] == 10


@pytest.mark.parametrize("product_id", ["a.b", "a%20b", "a" * 65])
def test_invalid_product_id_is_rejected(client: FlaskClient, product_id: str) -> None:
    assert client.get(f"/stock/{product_id}").status_code == 422
    assert client.put(f"/stock/{product_id}", json={"available": 1}).status_code == 422


def test_level_that_a_busy_table_refused_can_be_sent_again(client: FlaskClient, shop: StockShop) -> None:
    shop.stock.effects.append(refused)
    answer = client.put("/stock/tea", json={"available": 1})
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert "unknown" not in answer.get_json()["detail"]


def test_level_without_an_answer_is_reported_as_unknown(client: FlaskClient, shop: StockShop) -> None:
    shop.stock.effects.extend([never_arrived, refused])
    answer = client.put("/stock/tea", json={"available": 1})
    assert answer.status_code == 503
    assert "unknown whether the change was made" in answer.get_json()["detail"]


def test_unreadable_table_is_unavailable(client: FlaskClient, shop: StockShop) -> None:
    shop.stock.down = True
    assert client.get("/stock/tea").status_code == 503


def test_service_without_its_table_is_not_ready(shop: StockShop) -> None:
    def check() -> None:
        raise Unavailable("DynamoDB does not answer.")

    client = create_app(shop.service, check).test_client()
    assert client.get("/health/ready").status_code == 503
