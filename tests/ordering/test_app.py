from collections.abc import Mapping

import pytest

from services.ordering.app import from_env
from services.ordering.wiring import Wiring
from tests.samples import order

pytestmark = pytest.mark.integration


def test_service_from_environment_reads_its_own_table(stack: Mapping[str, str]) -> None:
    Wiring(stack).store.put_once(order(), "hash")
    client = from_env(stack).test_client()
    assert client.get("/health/ready").status_code == 200
    assert client.get(f"/order/swn/{order().orderId}").get_json() == order().shown().model_dump(exclude_none=True)


def test_service_without_its_table_is_not_ready(aws_env: Mapping[str, str]) -> None:
    client = from_env({**aws_env, "SHOP_NAME": "none"}).test_client()
    assert [client.get(f"/health/{what}").status_code for what in ("ready", "live")] == [503, 200]
