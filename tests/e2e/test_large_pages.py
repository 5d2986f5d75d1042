"""The largest pages that a client can ask for, fifty at once, from containers of 256 MB."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import boto3
import pytest
import urllib3
from pydantic import BaseModel

from services.basket.catalogue import CatalogueItem
from services.basket.models import Basket, Line
from services.ordering.models import OrderLine
from tests.e2e.compose import Compose
from tests.samples import order

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
PRODUCTS = [f"8f14e45f-ceea-467f-a8d7-{n:012}" for n in range(100)]
NAME, COLOR = "n" * 200, "c" * 50


def catalogue() -> Iterator[CatalogueItem]:
    for product_id in PRODUCTS:
        yield CatalogueItem(productId=product_id, version=1, name=NAME, category="Large", price=Decimal("12.30"))


def baskets() -> Iterator[Basket]:
    lines = [
        Line(productId=name, productName=NAME, color=COLOR, quantity=999, addedPrice=Decimal("12.30"))
        for name in PRODUCTS
    ]
    for n in range(100):
        yield Basket(userName=f"large-{n:03}", items=lines, version="v")


def orders() -> Iterator[BaseModel]:
    lines = [
        OrderLine(productId=name, productName=NAME, color=COLOR, price=Decimal(1), quantity=1) for name in PRODUCTS
    ]
    for n in range(100):
        yield order(n, userName="large", items=lines, totalPrice=Decimal(100))


def fill(shop: Compose, table: str, rows: Iterator[BaseModel]) -> None:
    resource = boto3.resource(
        "dynamodb", endpoint_url=shop.url("emulator"), region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    with resource.Table(f"shopwire-{table}").batch_writer() as batch:
        for row in rows:
            batch.put_item(Item=row.model_dump(exclude_none=True))


def patiently(url: str) -> urllib3.BaseHTTPResponse:
    """Retries after `Retry-After`, because LocalStack on a busy machine may be slower than the time-outs."""
    retry = urllib3.Retry(20, status_forcelist=[503], raise_on_status=True)
    return urllib3.PoolManager(retries=retry).request("GET", url, timeout=60)


@pytest.mark.parametrize(
    ("service", "path", "tables"),
    [
        ("basket", "/basket?limit=100", {"catalogue": catalogue, "basket": baskets}),
        ("ordering", "/order?limit=100", {"order": orders}),
        ("ordering", "/order/large?limit=100", {}),
    ],
)
def test_fifty_concurrent_clients_get_the_largest_pages(
    shop: Compose, service: str, path: str, tables: dict[str, object]
) -> None:
    for table, rows in tables.items():
        fill(shop, table, rows())  # type: ignore[operator] # the generators above
    before = shop.inspect(service)
    with ThreadPoolExecutor(50) as clients:
        answers = list(clients.map(lambda _: patiently(shop.url(service) + path), range(50)))
    assert all(answer.json()["items"] and answer.json()["nextCursor"] for answer in answers)
    assert max(len(answer.data) for answer in answers) < 512 * 1024
    after = shop.inspect(service)
    assert (after["State"]["StartedAt"], after["RestartCount"]) == (before["State"]["StartedAt"], 0)
