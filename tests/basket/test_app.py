import uuid
from collections.abc import Iterator, Mapping

import pytest

from services.basket.app import from_env
from services.product.app import from_env as product_from_env
from tests import aws_clients
from tests.processes import eventually, running, serving
from tests.samples import CARD, CHECKOUT, PHONE

pytestmark = pytest.mark.integration


@pytest.fixture
def product_url(stack: Mapping[str, str]) -> Iterator[str]:
    """The URL of the real product service."""
    with serving(product_from_env(stack)) as url:
        yield url


def test_service_from_environment_checks_out_at_the_product_service_prices(
    stack: Mapping[str, str], product_url: str
) -> None:
    product = product_from_env(stack).test_client().post("/product", json=PHONE).get_json()
    client = from_env({**stack, "PRODUCT_URL": product_url, "ORDERING_URL": "http://orders"}).test_client()

    def buy() -> str:
        client.post("/basket/swn/items", json={"productId": product["id"], "quantity": 2})
        answer = client.post("/basket/checkout", json=CHECKOUT)
        assert (answer.status_code, answer.get_json()["totalPrice"]) == (202, 1900)
        assert answer.headers["Location"] == f"http://orders/order/swn/{answer.get_json()['orderId']}"
        return str(answer.get_json()["orderId"])

    outbox, orders = aws_clients.table("shop-basket-outbox"), list[str]()

    def published() -> bool:
        """Of one order: if the bus was busy, an event waits for the relay."""
        orders.append(buy())
        return any("Item" not in outbox.get_item(Key={"id": order}) for order in orders)

    eventually(published)


def test_card_number_is_in_no_row_message_or_log(
    stack: Mapping[str, str], product_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    product = product_from_env(stack).test_client().post("/product", json=PHONE).get_json()
    client = from_env({**stack, "PRODUCT_URL": product_url, "LOG_LEVEL": "DEBUG"}).test_client()
    client.post("/basket/swn/items", json={"productId": product["id"], "quantity": 1})
    answers = [client.post("/basket/checkout", json=CHECKOUT | wrong) for wrong in ({"cvv": CARD}, {}, {})]
    assert [answer.status_code for answer in answers] == [422, 202, 404]
    tables = [aws_clients.table(f"shop-{name}") for name in ("basket", "receipt", "basket-outbox")]
    rows = [row for table in tables for row in table.scan()["Items"]]  # with the outbox row, if the bus was busy
    queue = aws_clients.client("sqs").get_queue_url(QueueName="shop-order")["QueueUrl"]
    with running("services.basket.relay", stack):
        messages = aws_clients.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    logged = "".join(capsys.readouterr())
    assert [len(rows) in {1, 2}, len(messages), "checked out" in logged] == [True, 1, True]
    traces = f"{rows}{messages}{logged}{[answer.data for answer in answers]}".replace(" ", "")
    assert "3322" in traces
    assert CARD.replace(" ", "")[:8] not in traces


def test_every_write_of_a_basket_has_a_new_random_version(stack: Mapping[str, str]) -> None:
    """A counter restarts after a checkout, so a slow checkout of the old basket could delete the new one."""
    client = from_env(stack).test_client()
    table, versions = aws_clients.table("shop-basket"), []
    for _ in range(3):
        client.post("/basket", json={"userName": "swn", "items": []})
        versions.append(str(table.get_item(Key={"userName": "swn"})["Item"]["version"]))
        client.delete("/basket/swn")
    assert len({uuid.UUID(version) for version in versions}) == 3


def test_empty_ordering_url_means_the_default(stack: Mapping[str, str]) -> None:
    assert from_env({**stack, "ORDERING_URL": ""}).config["ORDERING_URL"] == "http://127.0.0.1:8003"


def test_service_without_its_table_is_not_ready(aws_env: Mapping[str, str]) -> None:
    client = from_env({**aws_env, "SHOP_NAME": "none"}).test_client()
    assert [client.get(f"/health/{what}").status_code for what in ("ready", "live")] == [503, 200]
