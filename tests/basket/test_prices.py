"""Price changes reach baskets through events, without writing to any basket."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient

from chassis.aws.clients import Clients
from chassis.messaging.bus import EventBus
from chassis.messaging.dispatch import publish_now
from chassis.messaging.queue import Queue
from services.basket.app import from_env
from services.basket.consumer import make_consumer
from services.basket.models import Basket, Line
from services.basket.wiring import Wiring as BasketWiring
from services.ordering.wiring import Wiring as OrderingWiring
from services.product.app import from_env as product_from_env
from services.product.models import ProductChanges
from services.product.service import ProductService
from services.product.wiring import Wiring as ProductWiring
from tests import aws_clients
from tests.aws_clients import PATIENT
from tests.environment import free_port
from tests.fakes import FakeDeadLetters, FakeReplies
from tests.processes import eventually, running, serving
from tests.resilience.fault_injection import wire
from tests.resilience.fault_injection.proxy import proxy_of
from tests.samples import CHECKOUT, PHONE, product

pytestmark = pytest.mark.integration


class Shop:
    """Basket and product as web services, and basket's consumer as a process."""

    def __init__(self, env: Mapping[str, str], product_url: str) -> None:
        self.product = product_from_env(env).test_client()
        self.basket = from_env({**env, "PRODUCT_URL": product_url}).test_client()

    def sell(self, **fields: Any) -> str:
        return str(self.product.post("/product", json=PHONE | fields).get_json()["id"])

    def line(self) -> dict[str, Any]:
        """The only line of the only basket."""
        (line,) = self.basket.get("/basket/swn").get_json()["items"]
        return dict(line)


@pytest.fixture
def shop(stack: Mapping[str, str]) -> Iterator[Shop]:
    with (
        serving(product_from_env(stack)) as url,
        running("services.basket.consumer", stack),
        running("services.product.relay", stack),  # publishes events if the bus is too busy for the service
    ):
        yield Shop(stack, url)


def add(basket: FlaskClient, product_id: str) -> int:
    return basket.post("/basket/swn/items", json={"productId": product_id, "quantity": 2}).status_code


def test_line_shows_the_current_price_beside_the_added_price(shop: Shop) -> None:
    phone = shop.sell()
    add(shop.basket, phone)
    shop.product.patch(f"/product/{phone}", json={"price": 760})
    eventually(lambda: shop.line()["price"] == 760)
    assert shop.line()["addedPrice"] == 950
    assert shop.basket.get("/basket/swn").get_json()["totalPrice"] == 1520


def test_checkout_with_an_outdated_total_gets_the_current_one(shop: Shop) -> None:
    phone = shop.sell()
    add(shop.basket, phone)
    shop.product.patch(f"/product/{phone}", json={"price": 760})
    eventually(lambda: shop.line()["price"] == 760)
    refused = shop.basket.post("/basket/checkout", json=CHECKOUT | {"expectedTotal": 1900})
    assert (refused.status_code, refused.get_json()["totalPrice"]) == (409, 1520)
    assert shop.basket.post("/basket/checkout", json=CHECKOUT | {"expectedTotal": 1520}).status_code == 202


def test_checkout_with_a_deleted_product_names_it_and_places_no_order(shop: Shop) -> None:
    phone, case = shop.sell(), shop.sell(name="Case", price=14.50)
    add(shop.basket, phone)
    add(shop.basket, case)
    shop.product.delete(f"/product/{phone}")
    eventually(lambda: shop.basket.get("/basket/swn").get_json()["totalPrice"] == 29)
    refused = shop.basket.post("/basket/checkout", json=CHECKOUT)
    assert (refused.status_code, refused.get_json()["productIds"]) == (409, [phone])
    assert shop.basket.delete(f"/basket/swn/items/{phone}").status_code == 204
    assert shop.basket.post("/basket/checkout", json=CHECKOUT).status_code == 202


def test_order_keeps_the_price_of_its_checkout(shop: Shop, stack: Mapping[str, str]) -> None:
    phone = shop.sell()
    add(shop.basket, phone)
    assert shop.basket.post("/basket/checkout", json=CHECKOUT).status_code == 202
    shop.product.patch(f"/product/{phone}", json={"price": 1})
    (entry,) = eventually(lambda: [e for e in BasketWiring(stack).catalogue_store.get_many([phone]) if e.price == 1])
    assert entry.version == 2
    with running("services.basket.relay", stack), running("services.ordering.consumer", stack):
        (order,) = eventually(lambda: OrderingWiring(stack).store.page(10, None).items)
    assert [order.items[0].price, order.totalPrice] == [950, 1900]


def test_known_products_are_sold_while_the_product_service_is_stopped(
    stack: Mapping[str, str],
) -> None:
    with (
        serving(product_from_env(stack)) as url,
        running("services.basket.consumer", stack),
        running("services.product.relay", stack),
    ):
        phone = Shop(stack, url).sell()
        eventually(lambda: BasketWiring(stack).catalogue_store.get_many([phone]))
    basket = Shop(stack, f"http://127.0.0.1:{free_port()}").basket
    assert add(basket, phone) == 200
    assert basket.get("/basket/swn").get_json()["totalPrice"] == 1900
    assert add(basket, "unknown") == 503
    assert basket.post("/basket/checkout", json=CHECKOUT).status_code == 202


# ── The cost of a price change ──


@contextmanager
def counted(env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Counts the AWS calls in the block by name."""
    calls: Counter[str] = Counter()

    def observe(request: wire.Message, _: wire.Message) -> None:
        calls[request.operation.rpartition(".")[2]] += 1

    with proxy_of(env["AWS_ENDPOINT_URL"], observe=observe) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        yield calls
    monkeypatch.setenv("AWS_ENDPOINT_URL", env["AWS_ENDPOINT_URL"])


def patient(env: Mapping[str, str]) -> ProductService:
    """A product service with a long time-out for the bus, because the calls of a relay are not counted."""
    bus = EventBus(Clients(env).of("events", PATIENT), "shop-bus")
    publish = partial(publish_now, bus=bus, outbox=ProductWiring(env).outbox)
    return ProductService(ProductWiring(env).store, publish, lambda: "p-1")


def change_price(env: Mapping[str, str], price: str) -> None:
    """Changes the price in the product service and handles the event in basket."""
    patient(env).update("p-1", ProductChanges(price=Decimal(price)), None)
    handle_events(env)


def handle_events(env: Mapping[str, str]) -> None:
    queue = Queue.of(Clients(env), "shop-catalogue")
    records = queue.receive()
    assert len(records) == 1
    make_consumer(BasketWiring(env).catalogue_store, FakeDeadLetters(), FakeReplies()).handle_batch(
        {"Records": records}
    )
    queue.delete(records)


def fill_baskets(count: int) -> None:
    line = Line(productId="p-1", productName="P", color="", quantity=1, addedPrice=Decimal(950))
    with aws_clients.table("shop-basket").batch_writer() as batch:
        for n in range(count):
            batch.put_item(Item=Basket(userName=f"u-{n}", items=[line], version="1").model_dump())


@pytest.mark.ministack  # it counts calls, of which another emulator gets as many
def test_cost_of_a_price_change_does_not_depend_on_the_number_of_baskets(
    stack: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    patient(stack).add(product("p-1"))
    handle_events(stack)
    costs = []
    for count in (10, 10_000):
        fill_baskets(count)
        with counted(stack, monkeypatch) as calls:
            change_price(stack, str(count))
        costs.append(calls)
    at_product = {"GetItem": 1, "TransactWriteItems": 1, "PutEvents": 1, "DeleteItem": 1}
    at_basket = {"GetQueueUrl": 1, "ReceiveMessage": 1, "PutItem": 1, "DeleteMessageBatch": 1}
    assert costs == [at_product | at_basket] * 2
    (entry,) = BasketWiring(stack).catalogue_store.get_many(["p-1"])
    assert entry.price == 10_000
