"""Buys with generated clients on the path: `buy.py <product URL> <basket URL> <ordering URL>`."""

import sys
import time

from shop_basket import Client as BasketClient
from shop_basket import models as baskets
from shop_basket.api.baskets import add_item, checkout, replace_basket
from shop_ordering import Client as OrderingClient
from shop_ordering.api.orders import get_order
from shop_ordering.models import Order
from shop_product import Client as ProductClient
from shop_product import models as products
from shop_product.api.products import create_product, get_product, replace_product

USER = "python"


def main(product_url: str, basket_url: str, ordering_url: str) -> None:
    product = make_a_product(ProductClient(base_url=product_url))
    read_its_problems(ProductClient(base_url=product_url), product.id)
    placed = check_out(BasketClient(base_url=basket_url), product.id)
    order = wait_for_order(OrderingClient(base_url=ordering_url), placed.order_id)
    assert order.total_price == 599999.97
    assert [(line.price, line.quantity) for line in order.items] == [(199999.99, 3)]


def make_a_product(client: ProductClient) -> products.Product:
    fields = products.ProductFields(name="Piano", category="Music", price=199999.99)
    answer = create_product.sync_detailed(client=client, body=fields)
    assert isinstance(answer.parsed, products.Product)
    assert answer.parsed.price == 199999.99
    assert answer.headers["Location"] == f"/product/{answer.parsed.id}"
    assert answer.headers["ETag"] == '"1"'
    return answer.parsed


def read_its_problems(client: ProductClient, product_id: str) -> None:
    assert get_product.sync_detailed(product_id, client=client, if_none_match='"1"').status_code == 304
    fields = products.ProductFields(name="Organ", category="Music", price=1.0)
    late = replace_product.sync(product_id, client=client, body=fields, if_match='"9"')
    assert isinstance(late, products.Problem)
    assert (late.status, late.version) == (412, 1)
    refused = create_product.sync(client=client, body=products.ProductFields(name="", category="Music", price=-1.0))
    assert isinstance(refused, products.Problem)
    assert refused.errors
    assert {each.pointer for each in refused.errors} == {"/name", "/price"}


def check_out(client: BasketClient, product_id: str) -> baskets.CheckoutAnswer:
    replace_basket.sync(client=client, body=baskets.BasketInput(user_name=USER, items=[]))
    line = baskets.LineInput(product_id=product_id, quantity=3)
    filled = add_item.sync(USER, client=client, body=line)
    assert isinstance(filled, baskets.BasketView)
    assert filled.total_price == 599999.97
    unexpected = checkout.sync(client=client, body=buyer(1.0))
    assert isinstance(unexpected, baskets.Problem)
    assert (unexpected.status, unexpected.total_price) == (409, 599999.97)
    placed = checkout.sync(client=client, body=buyer(filled.total_price), idempotency_key="python-1")
    assert isinstance(placed, baskets.CheckoutAnswer)
    assert checkout.sync(client=client, body=buyer(filled.total_price), idempotency_key="python-1") == placed
    return placed


def buyer(expected_total: float) -> baskets.CheckoutInput:
    return baskets.CheckoutInput(
        user_name=USER,
        first_name="Py",
        last_name="Thon",
        email="py@example.com",
        address="1 Harbour Street",
        card_info="5554443322",
        payment_method=1,
        expected_total=expected_total,
    )


def wait_for_order(client: OrderingClient, order_id: str) -> Order:
    deadline = time.monotonic() + 60
    while not isinstance(order := get_order.sync(USER, order_id, client=client), Order):
        assert time.monotonic() < deadline, order
        time.sleep(0.2)
    return order


if __name__ == "__main__":
    main(*sys.argv[1:])
