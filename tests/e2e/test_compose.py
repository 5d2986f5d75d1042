"""The shop as `docker compose up` starts it: purchases, killed containers, and starts in any sequence."""

import json
import re
import sys
from collections.abc import Iterator
from functools import partial

import pytest
import urllib3

from tests.e2e.compose import PROJECT, SERVICES, WORKERS, Compose
from tests.processes import eventually

MOST_MEMORY = 2_500_000_000  # bytes
UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


def test_purchase_has_one_correlation_id_in_all_containers(shop: Compose) -> None:
    correlation_id = re.search(r"demo-[0-9a-f]{8}", shop.buy())
    assert correlation_id is not None
    logs = shop("logs", "--no-color", "--no-log-prefix", *SERVICES)
    lines = [line[line.index("{") :] for line in logs.splitlines() if correlation_id[0] in line]
    assert {json.loads(line)["process"] for line in lines} >= {"product", "basket", "ordering", "ordering-consumer"}


def test_trace_of_a_purchase_has_the_spans_of_all_containers(shop: Compose) -> None:
    correlation_id = re.search(r"demo-[0-9a-f]{8}", shop.buy())
    assert correlation_id is not None
    drawn = shop.run(sys.executable, "-m", "shop", "trace", correlation_id[0], COMPOSE_PROJECT_NAME=PROJECT)
    assert [it for it in ("basket", "ordering-consumer", "stock-consumer", "payment-consumer") if it not in drawn] == []


def test_price_changed_in_one_container_is_charged_by_another(shop: Compose) -> None:
    client = urllib3.PoolManager()
    made = client.request("POST", f"{shop.url('product')}/product", json={"name": "P", "category": "C", "price": 5})
    product, user = made.json()["id"], "repriced"
    line = {"userName": user, "items": [{"productId": product, "quantity": 1}]}
    client.request("POST", f"{shop.url('basket')}/basket", json=line)
    client.request("PATCH", f"{shop.url('product')}/product/{product}", json={"price": 3})
    eventually(lambda: client.request("GET", f"{shop.url('basket')}/basket/{user}").json()["totalPrice"] == 3, 60)


def test_location_is_right_at_the_door_and_at_the_services_own_port(shop: Compose) -> None:
    """A client that sends the door's header itself has another address than the door."""
    client = urllib3.PoolManager()
    product = client.request("GET", f"{shop.url('door')}/product?limit=1").json()["items"][0]["id"]
    facts = dict.fromkeys(("firstName", "lastName", "address"), "x") | {"email": "x@example.com", "userName": "visitor"}
    body = facts | {"cardInfo": "4111111111111111", "paymentMethod": 1}
    for door, beginning in ((shop.url("door"), "/order/"), (shop.url("basket"), f"{shop.url('ordering')}/order/")):
        line = {"productId": product, "quantity": 1}
        client.request("POST", f"{door}/basket/visitor/items", json=line)
        headers = {"X-Forwarded-Host": "evil.test"}
        answer = client.request("POST", f"{door}/basket/checkout", json=body, headers=headers)
        assert answer.status == 202
        assert answer.headers["Location"].startswith(beginning)


@pytest.fixture
def kettles(shop: Compose) -> Iterator[list[str]]:
    """Four of one kind, and none of another. Otherwise later tests would try to buy the one that is sold out."""
    client, url = urllib3.PoolManager(), f"{shop.url('product')}/product"
    facts = {"name": "Kettle", "category": "Home", "price": 20}
    made = [client.request("POST", url, json=facts).json()["id"] for _ in range(2)]
    for product, pieces in zip(made, (4, 0), strict=True):
        client.request("PUT", f"{shop.url('stock')}/stock/{product}", json={"available": pieces})
    yield made
    for product in made:
        client.request("DELETE", f"{url}/{product}")


def test_order_ends_as_stock_and_card_say(shop: Compose, kettles: list[str]) -> None:
    """The step's time-out of the silent provider is the one of the template: 60 s. The four orders wait together."""
    client = urllib3.PoolManager()
    kettle, sold_out = kettles
    expected = {
        ("silent", kettle, "4000000000000119"): ("REJECTED", "PAYMENT_TIMEOUT", "VOIDED"),
        ("good", kettle, "4242424242424242"): ("CONFIRMED", None, "AUTHORIZED"),
        ("late", sold_out, "4242424242424242"): ("REJECTED", "OUT_OF_STOCK", "VOIDED"),
        ("poor", kettle, "4000000000000002"): ("REJECTED", "PAYMENT_DECLINED", "DECLINED"),
    }
    orders = {buyer: check_out(client, shop, *buyer) for buyer in expected}

    def end(order: str) -> tuple[str, str | None, str] | None:
        found = client.request("GET", f"{shop.url('ordering')}/order/{order}").json()
        if found.get("status") not in {"CONFIRMED", "REJECTED"}:
            return None
        payment = client.request("GET", f"{shop.url('payment')}/payment/{order}").json()
        return found["status"], found.get("reason"), payment["status"]

    ends = {buyer: eventually(partial(end, order), 120) for buyer, order in orders.items()}
    assert ends == expected
    level = {"productId": kettle, "available": 3, "reserved": 0, "sold": 1}
    eventually(lambda: client.request("GET", f"{shop.url('stock')}/stock/{kettle}").json() == level)


def check_out(client: urllib3.PoolManager, shop: Compose, user: str, product: str, card: str) -> str:
    """The user's name and the order's ID, as in the order's URL."""
    line = {"productId": product, "quantity": 1}
    basket = {"userName": user, "items": [line]}
    eventually(lambda: client.request("POST", f"{shop.url('basket')}/basket", json=basket).status == 200)
    facts = dict.fromkeys(("firstName", "lastName", "address"), "x") | {"email": "x@example.com"}
    body = facts | {"userName": user, "cardInfo": card, "paymentMethod": 1}
    answer = client.request("POST", f"{shop.url('basket')}/basket/checkout", json=body)
    assert answer.status == 202, answer.data
    return f"{user}/{answer.json()['orderId']}"


def test_all_containers_together_fit_into_their_budget_of_memory(shop: Compose) -> None:
    shop.buy()
    containers = shop("ps", "--quiet").split()
    shown = shop.run("docker", "stats", "--no-stream", "--format", "{{.MemUsage}}", *containers)
    used = [re.match(r"([\d.]+)(\w+) /", line) for line in shown.splitlines()]
    sizes = [float(it[1]) * UNITS[it[2]] for it in used if it]
    assert len(sizes) > len(SERVICES)  # the door and LocalStack too
    assert sum(sizes) <= MOST_MEMORY


@pytest.mark.parametrize("service", SERVICES)
def test_crashed_container_restarts_and_the_shop_works(shop: Compose, service: str) -> None:
    before = shop.inspect(service)
    shop.crash(service)
    eventually(lambda: shop.inspect(service)["RestartCount"] == before["RestartCount"] + 1)
    eventually(lambda: shop.all_answer(200))  # it restarts after it was counted
    shop.buy()
    after = shop.inspect(service)
    assert (after["Id"], after["State"]["Running"]) == (before["Id"], True)


@pytest.mark.parametrize("service", ["product", *WORKERS])
def test_checkout_works_without_product_and_workers(shop: Compose, service: str) -> None:
    """The order is placed after the worker has restarted. Basket has a copy of the product."""
    client = urllib3.PoolManager()
    product = client.request("GET", f"{shop.url('product')}/product?limit=1").json()["items"][0]["id"]
    basket, user = shop.url("basket"), f"without-{service}"
    line = {"productId": product, "quantity": 1}
    client.request("POST", f"{basket}/basket", json={"userName": user, "items": [line]})  # now basket knows the product
    shop("stop", service)
    try:
        assert client.request("POST", f"{basket}/basket/{user}/items", json=line).status == 200
        facts = dict.fromkeys(("firstName", "lastName", "address"), "x") | {"email": "x@example.com"}
        body = facts | {"userName": user, "cardInfo": "4111111111111111", "paymentMethod": 1}
        assert client.request("POST", f"{basket}/basket/checkout", json=body).status == 202
    finally:
        shop("up", "--wait", "--detach", "--no-deps", service)
    eventually(lambda: client.request("GET", f"{shop.url('ordering')}/order/{user}").json()["items"], 60)


def test_all_containers_stop_in_time_with_exit_code_0(shop: Compose) -> None:
    shop.buy()  # the container that started last has no handler of signals yet, and the first process ignores them then
    shop("stop", *SERVICES)
    # A process that is killed after the grace period ends with 137.
    assert shop.of_each(lambda state: state["State"]["ExitCode"]) == dict.fromkeys(SERVICES, 0)
    shop("up", "--wait", "--detach")
    shop.buy()


def test_empty_emulator_is_reported_and_repaired_by_bootstrap_and_seed(shop: Compose) -> None:
    before = shop.of_each(lambda state: state["State"]["StartedAt"])
    shop("restart", "localstack")
    products = f"{shop.url('product')}/product"
    eventually(
        lambda: b"DynamoDB cannot process the request now." in urllib3.request("GET", products, retries=False).data, 60
    )
    eventually(lambda: shop.all_answer(503))
    assert shop.all_answer(200, "/health/live")
    eventually(lambda: "does not answer" in shop("logs", "--since", "60s", "ordering-consumer"), 60)
    shop("run", "--rm", "bootstrap", "up")
    shop("run", "--rm", "seed")
    eventually(lambda: shop.all_answer(200))
    shop.buy()
    assert shop.of_each(lambda state: state["State"]["StartedAt"]) == before


def test_containers_wait_for_their_dependencies(shop: Compose) -> None:
    shop("down", "--volumes")
    shop("up", "--detach", "--no-deps", *reversed(SERVICES))
    eventually(lambda: shop.all_answer(200, "/health/live"))
    eventually(lambda: shop.all_answer(503))
    before = shop.of_each(lambda state: state["State"]["StartedAt"])
    shop("up", "--detach", "--wait", "--no-deps", "localstack")
    shop("run", "--rm", "--no-deps", "bootstrap", "up")
    shop("run", "--rm", "--no-deps", "seed")
    eventually(lambda: shop.all_answer(200))
    shop.buy()
    assert shop.of_each(lambda state: state["State"]["StartedAt"]) == before
    assert shop.of_each(lambda state: state["RestartCount"]) == dict.fromkeys(SERVICES, 0)
    shop("up", "--detach", "--no-deps", "room")
    eventually(lambda: shop.status("room") == 200, 60)
