from collections.abc import Mapping

import pytest

from services.product.app import from_env
from services.product.wiring import Wiring
from tests import aws_clients
from tests.processes import eventually
from tests.samples import PHONE, product

pytestmark = pytest.mark.integration


def test_service_from_environment_uses_its_own_tables(stack: Mapping[str, str]) -> None:
    client = from_env({**stack, "LOG_FORMAT": "json"}).test_client()
    assert client.get("/health/ready").status_code == 200
    made = client.post("/product", json=PHONE).get_json()
    assert Wiring(stack).store.get(made["id"]) == product(made["id"])
    outbox = aws_clients.table("shop-product-outbox")

    def change() -> str:
        changed = client.patch(f"/product/{made['id']}", json={"price": 1}).get_json()
        return f"{changed['id']}@{changed['version']}"

    # If the bus was busy, the event waits for the relay.
    eventually(lambda: "Item" not in outbox.get_item(Key={"id": change()}))


def test_service_without_its_table_is_not_ready(aws_env: Mapping[str, str]) -> None:
    client = from_env({**aws_env, "SHOP_NAME": "none"}).test_client()
    assert client.get("/health/ready").status_code == 503
    assert client.get("/health/live").status_code == 200
