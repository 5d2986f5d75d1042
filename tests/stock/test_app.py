from collections.abc import Mapping

import pytest

from services.stock.app import from_env

pytestmark = pytest.mark.integration


def test_service_from_environment_uses_its_own_table(stack: Mapping[str, str]) -> None:
    client = from_env(stack).test_client()
    assert client.get("/health/ready").status_code == 200
    assert [client.put("/stock/tea", json={"available": n}).status_code for n in (1, 2)] == [201, 200]
    level = {"productId": "tea", "available": 2, "reserved": 0, "sold": 0}
    assert client.get("/stock/tea").get_json() == level


def test_service_without_its_table_is_not_ready(aws_env: Mapping[str, str]) -> None:
    client = from_env({**aws_env, "SHOP_NAME": "none"}).test_client()
    assert [client.get(f"/health/{what}").status_code for what in ("ready", "live")] == [503, 200]
