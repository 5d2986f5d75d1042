"""Buys with generated clients on the path: `buy.py <product> <basket> <ordering> <stock> <payment> <token>` (URLs)."""

import sys
import time

from shop_basket import AuthenticatedClient as BasketClient
from shop_basket import models as baskets
from shop_basket.api.baskets import add_item, checkout, replace_basket
from shop_ordering import AuthenticatedClient as OrderingClient
from shop_ordering.api.orders import get_order
from shop_ordering.models import Order
from shop_payment import AuthenticatedClient as PaymentClient
from shop_payment import models as payments
from shop_payment.api.payments import get_payment
from shop_product import AuthenticatedClient as ProductClient
from shop_product import models as products
from shop_product.api.products import create_product, get_product, replace_product
from shop_stock import AuthenticatedClient as StockClient
from shop_stock import models as levels
from shop_stock.api.stock import get_stock, set_stock

USER = "python"


def main(product_url: str, basket_url: str, ordering_url: str, stock_url: str, payment_url: str, token: str) -> None:
    product = make_a_product(ProductClient(base_url=product_url, token=token))
    read_its_problems(ProductClient(base_url=product_url, token=token), product.id)
    stock = StockClient(base_url=stock_url, token=token)
    set_a_level(stock, product.id)
    placed = check_out(BasketClient(base_url=basket_url, token=token), product.id)
    order = wait_for_order(OrderingClient(base_url=ordering_url, token=token), placed.order_id)
    assert order.total_price == 599999.97
    assert [(line.price, line.quantity) for line in order.items] == [(199999.99, 3)]
    read_the_payment(PaymentClient(base_url=payment_url, token=token), placed.order_id)
    level = get_stock.sync(product.id, client=stock)
    assert isinstance(level, levels.StockLevel)
    assert (level.available, level.reserved + level.sold) == (2, 3)


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


def set_a_level(client: StockClient, product_id: str) -> None:
    change = set_stock.sync(product_id, client=client, body=levels.LevelInput(available=5))
    assert isinstance(change, levels.StockChange)
    assert (change.available, change.previous_available) == (5, None)


def read_the_payment(client: PaymentClient, order_id: str) -> None:
    payment = get_payment.sync(USER, order_id, client=client)
    assert isinstance(payment, payments.Payment)
    assert (payment.status, payment.amount) == ("AUTHORIZED", 599999.97)


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
    """Until it is confirmed. Before it is placed, the answer is a problem."""
    deadline = time.monotonic() + 60
    while True:
        order = get_order.sync(USER, order_id, client=client)
        if isinstance(order, Order) and order.status == "CONFIRMED":
            return order
        assert time.monotonic() < deadline, order
        time.sleep(0.2)


if __name__ == "__main__":
    main(*sys.argv[1:])
