"""Requests of the course's clients work, or the response says what to send instead."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.basket.app import create_app as basket_app
from services.ordering.app import create_app as ordering_app
from services.product.app import create_app as product_app
from tests.environment import ROOT
from tests.fakes import BasketShop, FakeOrders, ProductShop, order_service
from tests.samples import order, product

DATE = "2023-04-28T08:45:59.942Z"
PHONE = {"name": "IPhone X", "description": "5G", "imageFile": "product-1.png", "category": "Phone", "price": 950.4}
ITEM = {"quantity": 2, "color": "Red", "productId": "phone", "price": 950, "productName": "IPhone X"}
BASKET: dict[str, Any] = {"userName": "swn", "items": [ITEM, ITEM | {"productId": "case", "color": "Blue"}]}
CHECKOUT = {
    "userName": "swn",
    "totalPrice": 0,
    "firstName": "mehmet",
    "lastName": "ozkaya",
    "email": "ezozkme@example.com",
    "address": "istanbul",
    "cardInfo": "5554443322",
    "paymentMethod": 1,
}


@pytest.fixture
def products() -> FlaskClient:
    return product_app(ProductShop(product("p-1")).service, lambda: None).test_client()


@pytest.fixture
def baskets() -> FlaskClient:
    return basket_app(BasketShop(phone="950", case="870").service, lambda: None, "").test_client()


@pytest.fixture
def orders() -> FlaskClient:
    service = order_service(FakeOrders(order(orderDate=DATE)))
    return ordering_app(service, lambda: None).test_client()


def test_unchanged_requests_of_the_course_work(
    products: FlaskClient, baskets: FlaskClient, orders: FlaskClient
) -> None:
    assert [
        products.get("/product").status_code,
        products.post("/product", json=PHONE).status_code,
        products.get("/product/p-1").status_code,
        products.put("/product/p-1", json=PHONE).status_code,
        products.delete("/product/p-1").status_code,
        baskets.post("/basket", json=BASKET).status_code,
        baskets.get("/basket").status_code,
        baskets.get("/basket/swn").status_code,
        baskets.post("/basket/checkout", json=CHECKOUT).status_code,
        orders.get("/order").status_code,
        orders.get(f"/order/swn?orderDate={DATE}").status_code,
    ] == [200, 201, 200, 200, 204, 200, 200, 200, 202, 200, 200]


@pytest.mark.parametrize("body", [{"price": 900}, {}, {"name": "IPhone X", "price": -1}])
def test_put_with_missing_fields_suggests_patch(products: FlaskClient, body: dict[str, Any]) -> None:
    problem = products.put("/product/p-1", json=body).get_json()
    assert problem["status"] == 422
    assert "PUT replaces the whole" in problem["detail"]
    assert "Use PATCH" in problem["detail"]
    assert "/category" in {error["pointer"] for error in problem["errors"]}


def test_put_with_other_errors_does_not_suggest_patch(products: FlaskClient) -> None:
    assert "PATCH" not in products.put("/product/p-1", json=PHONE | {"price": -1}).get_json()["detail"]
    assert "PATCH" not in products.post("/product", json={"price": 1}).get_json()["detail"]


@pytest.mark.parametrize(("method", "path"), [("put", "/product/p-1"), ("post", "/product")])
def test_id_in_a_request_is_an_unknown_field(products: FlaskClient, method: str, path: str) -> None:
    problem = getattr(products, method)(path, json=PHONE | {"id": "p-1"}).get_json()
    assert problem["errors"] == [{"pointer": "/id", "detail": "is not a known field; remove it"}]


def test_category_with_an_id_suggests_the_list_of_products(products: FlaskClient) -> None:
    """The course lists a category this way."""
    problem = products.get("/product/p-1?category=Phone").get_json()
    assert problem["status"] == 422
    assert problem["errors"] == [
        {"pointer": "/category", "detail": "is not a query parameter of this path; use `GET /product?category=…`"}
    ]


def test_unknown_product_suggests_post_product(baskets: FlaskClient) -> None:
    """The course accepts any product ID and the client's price."""
    body = BASKET | {"items": [ITEM | {"productId": "7934e4bd"}]}
    problem = baskets.post("/basket", json=body).get_json()
    assert (problem["status"], problem["productIds"]) == (422, ["7934e4bd"])
    assert "`POST /product`" in problem["detail"]


def test_checkout_without_the_buyer_names_the_missing_fields(baskets: FlaskClient) -> None:
    problem = baskets.post("/basket/checkout", json={"userName": "swn"}).get_json()
    missing = {"firstName", "lastName", "email", "address", "cardInfo", "paymentMethod"}
    assert {error["pointer"].strip("/") for error in problem["errors"]} == missing


@pytest.mark.parametrize("send", ["get", "delete"])
def test_user_without_a_basket_gets_a_404(baskets: FlaskClient, send: str) -> None:
    problem = getattr(baskets, send)("/basket/swn").get_json()
    assert (problem["status"], problem["detail"].startswith("swn has no basket")) == (404, True)


def test_body_without_a_media_type_is_a_415_that_names_json(baskets: FlaskClient) -> None:
    """The course's Lambda function parses any text."""
    problem = baskets.post("/basket", data=b"{}").get_json()
    assert (problem["status"], "`Content-Type: application/json`" in problem["detail"]) == (415, True)


BLOCKS = re.findall(r"```text\n(.*?)```", (ROOT / "docs" / "from-the-course.md").read_text(encoding="utf-8"), re.DOTALL)
STEP = re.compile(
    r"(?P<method>[A-Z]+) (?P<url>\S+)(?: (?P<body>\{.*?\}))?\n"
    r"(?P<headers>(?:[A-Z][A-Za-z-]+: [^\n]*\n)*)"
    r"(?P<status>\d{3})(?:  (?P<said>[^\n]*))?\n",
    re.DOTALL,
)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_requests_on_the_course_page_get_the_documented_responses(
    number: int, products: FlaskClient, baskets: FlaskClient, orders: FlaskClient
) -> None:
    clients = {"product": products, "basket": baskets, "order": orders}
    steps = list(STEP.finditer(BLOCKS[number]))
    assert "".join(step[0] for step in steps) == BLOCKS[number]
    for step in steps:
        client = clients[re.split(r"[/?]", step["url"])[1]]
        headers = dict(line.split(": ", 1) for line in step["headers"].splitlines())
        if step["body"]:
            headers.setdefault("Content-Type", "application/json")
        answer = client.open(step["url"], method=step["method"], data=step["body"], headers=headers)
        assert (step[0], answer.status_code) == (step[0], int(step["status"]))
        said = [squeezed(part) for part in (step["said"] or "").split("…")]
        assert [part for part in said if part not in squeezed(answer.get_data(as_text=True))] == []


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)
