"""Every number in a request or event is rejected with a reason, or is stored and read back exactly."""

import json
from collections.abc import Mapping, Sized
from functools import cache
from typing import Any

import pytest
from flask_openapi.openapi import OpenAPI
from hypothesis import HealthCheck, given, settings
from werkzeug.test import TestResponse

from chassis.messaging.consumer import Consumer
from services.basket import app as basket
from services.basket.catalogue import CatalogueItem
from services.basket.consumer import make_consumer as make_catalogue_consumer
from services.ordering.consumer import make_consumer as make_order_consumer
from services.ordering.models import Order
from services.product import app as product
from tests.fakes import (
    BasketShop,
    FakeCatalogueItems,
    FakeDeadLetters,
    FakeOrders,
    FakeReplies,
    ProductShop,
    order_service,
)
from tests.numerals import NUMERALS, ODD, meant, stored
from tests.samples import BASKET, CHECKOUT, PHONE, golden_message
from tests.samples import product as sample

HERE = "a number goes here"


def with_number(body: Any, numeral: str) -> str:
    return json.dumps(body, default=float).replace(f'"{HERE}"', numeral)


def send(app: OpenAPI, method: str, path: str, body: Any, numeral: str) -> TestResponse:
    text = with_number(body, numeral)
    return app.test_client().open(path, method=method, data=text, content_type="application/json")


def test_sample_body_has_its_number() -> None:
    assert json.loads(with_number(PHONE | {"price": HERE}, "7")) == PHONE | {"price": 7}


@given(NUMERALS)
@pytest.mark.parametrize(("method", "path"), [("POST", "/product"), ("PUT", "/product/p-1"), ("PATCH", "/product/p-1")])
def test_price_is_rejected_or_stored_exactly(method: str, path: str, numeral: str) -> None:
    shop = ProductShop(sample("p-1"))
    answer = send(product_app(shop), method, path, PHONE | {"price": HERE}, numeral)
    assert answer.status_code in {200, 201, 400, 422}
    if answer.status_code < 300:
        assert answer.get_json()["price"] == meant(numeral)
        assert "-" not in str(answer.get_json()["price"])
    for row in shop.products.rows.values():
        assert stored(row.model_dump()) == row.model_dump()


@given(NUMERALS)
def test_quantity_is_rejected_or_stored_exactly(numeral: str) -> None:
    shop = BasketShop(phone="950")
    line = {"productId": "phone", "quantity": HERE}
    answer = send(basket_app(shop), "POST", "/basket/swn/items", line, numeral)
    assert answer.status_code in {200, 400, 422}
    for row in shop.baskets.rows.values():
        assert stored(row.model_dump()) == row.model_dump()
        assert row.items[0].quantity == meant(numeral)


@given(NUMERALS)
@pytest.mark.parametrize("name", ["paymentMethod", "expectedTotal", "totalPrice"])
def test_number_in_a_checkout_is_rejected_or_accepted(name: str, numeral: str) -> None:
    shop = BasketShop(phone="950")
    app = basket_app(shop)
    app.test_client().post("/basket", json=BASKET)
    answer = send(app, "POST", "/basket/checkout", CHECKOUT | {name: HERE}, numeral)
    assert answer.status_code in {202, 400, 409, 422}
    for event in shop.bus.published:
        assert name != "paymentMethod" or json.loads(event.detail)["data"][name] == meant(numeral)


@given(NUMERALS)
@pytest.mark.parametrize("name", ["price", "version"])
def test_product_event_with_any_number_is_handled_in_one_attempt(name: str, numeral: str) -> None:
    event = golden_message("product_created")
    event["detail"]["data"][name] = HERE
    for row in settle_product_event(with_number(event, numeral)):
        assert stored(row.model_dump()) == row.model_dump()


@given(NUMERALS)
@pytest.mark.parametrize("name", ["paymentMethod", "totalPrice", "price", "quantity"])
def test_checkout_event_with_any_number_is_handled_in_one_attempt(name: str, numeral: str) -> None:
    event = golden_message()
    field_holder(event, name)[name] = HERE
    for row in settle_checkout_event(with_number(event, numeral)):
        assert stored(row.model_dump()) == row.model_dump()


@given(NUMERALS)
def test_event_with_any_metadata_version_is_handled_in_one_attempt(numeral: str) -> None:
    event = golden_message()
    event["detail"]["metadata"]["version"] = HERE
    settle_checkout_event(with_number(event, numeral))


@pytest.mark.parametrize("name", ["price", "version"])
@pytest.mark.parametrize("value", ["1", True])
def test_text_or_boolean_in_a_product_event_is_no_number(name: str, value: Any) -> None:
    event = golden_message("product_created")
    event["detail"]["data"][name] = value
    assert settle_product_event(json.dumps(event, default=float)) == []


@pytest.mark.parametrize("value", ["1", True])
@pytest.mark.parametrize("name", ["paymentMethod", "quantity", "price", "totalPrice"])
def test_text_or_boolean_in_a_checkout_event_is_no_number(name: str, value: Any) -> None:
    event = golden_message()
    field_holder(event, name)[name] = value
    assert settle_checkout_event(json.dumps(event, default=float)) == []


@pytest.mark.parametrize("value", ["1", True])
def test_text_or_boolean_is_no_metadata_version(value: Any) -> None:
    event = golden_message()
    event["detail"]["metadata"]["version"] = value
    assert settle_checkout_event(json.dumps(event, default=float)) == []


def field_holder(event: dict[str, Any], name: str) -> Any:
    data = event["detail"]["data"]
    return data if name in data else data["items"][0]


ENTRIES, ORDERS, DEAD = FakeCatalogueItems(), FakeOrders(), FakeDeadLetters()
CATALOGUE_CONSUMER = make_catalogue_consumer(ENTRIES, DEAD, FakeReplies())
ORDER_CONSUMER = make_order_consumer(order_service(ORDERS), DEAD, FakeReplies())


def settle_product_event(body: str) -> list[CatalogueItem]:
    """The stored row, or None if the message went to the dead-letter queue."""
    ENTRIES.rows.clear()
    settle(CATALOGUE_CONSUMER, body, ENTRIES.rows)
    return list(ENTRIES.rows.values())


def settle_checkout_event(body: str) -> list[Order]:
    ORDERS.rows.clear()
    settle(ORDER_CONSUMER, body, ORDERS.rows)
    return [order for order, _ in ORDERS.rows.values()]


def settle(consumer: Consumer, body: str, rows: Sized) -> None:
    DEAD.sent.clear()
    batch = {"Records": [{"messageId": "m-1", "body": body}]}
    assert consumer.handle_batch(batch) == {"batchItemFailures": []}
    assert len(rows) + len(DEAD.sent) == 1


@cache
def apps() -> tuple[OpenAPI, OpenAPI]:
    """Created once, because hypothesis sends hundreds of requests."""
    return (
        product.create_app(ProductShop().service, lambda: None),
        basket.create_app(BasketShop().service, lambda: None, "http://orders"),
    )


def product_app(shop: ProductShop) -> OpenAPI:
    app, _ = apps()
    app.extensions["service"] = shop.service
    return app


def basket_app(shop: BasketShop) -> OpenAPI:
    _, app = apps()
    app.extensions["service"] = shop.service
    return app


@pytest.fixture
def real_product(stack: Mapping[str, str]) -> OpenAPI:
    return product.from_env({**stack, "LOG_LEVEL": "CRITICAL"})


@pytest.mark.integration
@given(NUMERALS)
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_price_is_read_back_exactly_from_dynamodb(real_product: OpenAPI, numeral: str) -> None:
    check_price(real_product, numeral)


@pytest.mark.integration
def test_unusual_prices_are_read_back_exactly_from_dynamodb(real_product: OpenAPI) -> None:
    assert sum(check_price(real_product, numeral) for numeral in ODD) > 5


def check_price(app: OpenAPI, numeral: str) -> bool:
    """True if the request was accepted."""
    answer = send(app, "POST", "/product", PHONE | {"price": HERE}, numeral)
    if answer.status_code in {400, 422}:
        return False
    assert answer.status_code == 201
    assert app.test_client().get(answer.headers["Location"]).get_json()["price"] == meant(numeral)
    return True
