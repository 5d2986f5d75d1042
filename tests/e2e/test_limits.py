"""The largest valid checkout becomes an order. One piece more is rejected before any AWS call."""

import json
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import urllib3
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.web.app import MAX_BODY
from services.basket.app import create_app
from tests import aws_clients
from tests.emulators import CLOUDS, shop_on_localstack
from tests.environment import free_port
from tests.fakes import BasketShop
from tests.processes import eventually
from tests.resilience.evidence import gather, pending
from tests.resilience.processes import Fleet, web, worker
from tests.samples import CHECKOUT

EVENT = 256 * 1024  # AWS's limits, independent of the code; the first also applies to SQS queues from before 2026
ROW = 400 * 1024
WIDE = {"four bytes": "\U0001f4f1", "six bytes in JSON": "\x01"}


def item_size(value: Any) -> int:
    """An upper bound of the bytes as DynamoDB counts them ("DynamoDB item sizes and formats", Developer Guide)."""
    match value:
        case dict():
            return 3 + sum(len(name) + 1 + item_size(member) for name, member in value.items())
        case list():
            return 3 + sum(1 + item_size(member) for member in value)
        case Decimal():
            return 21
    return len(str(value).encode())


def post(url: str, body: Any) -> urllib3.BaseHTTPResponse:
    """Encoded as UTF-8. Escaped, the same text could have three times the size."""
    text = json.dumps(body, ensure_ascii=False).encode()
    return urllib3.request("POST", url, body=text, headers={"Content-Type": "application/json"}, retries=False)


def largest(wide: str, product: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The basket and the checkout in which every text has its maximum length."""
    user = "|" * 254
    lines = [{"productId": product, "quantity": 999, "color": wide * 47 + f"{n:03}"} for n in range(100)]
    names = dict.fromkeys(("firstName", "lastName"), wide * 100)
    email = wide * 64 + "@" + wide * 189
    return {"userName": user, "items": lines}, CHECKOUT | names | {
        "userName": user, "email": email, "address": wide * 500, "paymentMethod": 99,
    }  # fmt: skip


@pytest.fixture(params=CLOUDS)
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, str]]:
    if not request.param:
        yield request.getfixturevalue("stack")
        return
    with shop_on_localstack(request.getfixturevalue("aws_env")) as env:
        monkeypatch.setenv("AWS_ENDPOINT_URL", env["AWS_ENDPOINT_URL"])
        yield env


@pytest.mark.e2e
@pytest.mark.parametrize("wide", WIDE.values(), ids=WIDE.keys())
def test_largest_valid_checkout_becomes_an_order(cloud: Mapping[str, str], tmp_path: Path, wide: str) -> None:
    """The bus is unavailable at first, so the outbox keeps its row. The relay then publishes it."""
    product = web("product", cloud)
    nowhere = f"http://127.0.0.1:{free_port()}"
    basket = web("basket", dict(cloud) | {"PRODUCT_URL": product.url, "AWS_ENDPOINT_URL_EVENTBRIDGE": nowhere})
    with Fleet([product, basket], tmp_path).running():
        listed = post(f"{product.url}/product", {"name": wide * 200, "category": wide * 100, "price": 1_000_000})
        assert listed.status == 201
        filled, checkout = largest(wide, listed.json()["id"])
        assert post(f"{basket.url}/basket", filled).status == 200
        (row,) = aws_clients.table("shop-basket").scan()["Items"]
        assert item_size(row) < ROW
        answer = post(f"{basket.url}/basket/checkout", checkout)
        assert (answer.status, answer.json()["totalPrice"]) == (202, 999 * 100 * 1_000_000)
        check_event(aws_clients.table("shop-basket-outbox").scan()["Items"])
    workers = [
        worker(f"services.{name}", name, cloud) for name in ("basket.relay", "ordering.consumer", "basket.consumer")
    ]
    with Fleet(workers, tmp_path).running():
        eventually(lambda: gather("shop").orders and not pending("shop"), 40)
    (order,) = gather("shop").orders
    assert order["orderId"] == answer.json()["orderId"]
    assert item_size(order) < ROW
    assert [item["color"] for item in order["items"]] == [line["color"] for line in filled["items"]]
    assert {item["productName"] for item in order["items"]} == {wide * 200}
    assert order["address"] == wide * 500


def check_event(rows: list[Any]) -> None:
    (row,) = rows
    assert item_size(row) < ROW
    sizes = [len(row[name].encode()) for name in ("source", "detail_type", "detail")]
    assert 100_000 < sum(sizes) < EVENT


# ── One more than the maximum ──

LINES = [{"productId": "phone", "quantity": 1, "color": f"{n}"} for n in range(101)]


def basket(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"userName": "swn", "items": items}


def check_out(client: FlaskClient, **changes: Any) -> TestResponse:
    return client.post("/basket/checkout", json=CHECKOUT | changes)


@pytest.mark.parametrize(
    ("send", "status"),
    [
        (lambda c: c.post("/basket", json=basket(LINES)), 422),
        (lambda c: c.post("/basket/swn/items", json=LINES[100]), 422),
        (lambda c: c.post("/basket/swn/items", json=LINES[0] | {"quantity": 999}), 422),
        (lambda c: c.post("/basket", json=basket([LINES[0] | {"color": WIDE["four bytes"] * 51}])), 422),
        (lambda c: c.post("/basket", json=basket([LINES[0] | {"productId": "p" * 65}])), 422),
        (lambda c: c.post("/basket", json=basket([LINES[0] | {"quantity": 1000}])), 422),
        (lambda c: c.post("/basket", json=basket([]) | {"userName": "u" * 255}), 422),
        (lambda c: check_out(c, firstName="\x01" * 101), 422),
        (lambda c: check_out(c, lastName="\x01" * 101), 422),
        (lambda c: check_out(c, address="\x01" * 501), 422),
        (lambda c: check_out(c, email="e" * 65 + "@example.com"), 422),
        (lambda c: check_out(c, email="e@" + "e" * 190), 422),
        (lambda c: check_out(c, address="a" * MAX_BODY), 413),
    ],
)
def test_one_more_than_the_maximum_is_rejected_and_changes_nothing(
    send: Callable[[FlaskClient], TestResponse], status: int
) -> None:
    shop = BasketShop(phone="950")
    client = create_app(shop.service, lambda: None, "http://orders").test_client()
    assert client.post("/basket", json=basket(LINES[:100])).status_code == 200
    before = dict(shop.baskets.rows)
    answer = send(client)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert (shop.baskets.rows, shop.orders) == (before, set())
