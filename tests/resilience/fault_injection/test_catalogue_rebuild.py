"""An emptied and forged copy of the catalogue is rebuilt while products change."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import pytest

from services.basket.catalogue import CatalogueItem
from services.basket.rebuild import rebuild
from services.basket.store import CatalogueStore
from services.basket.wiring import Wiring
from tests import aws_clients
from tests.processes import eventually
from tests.resilience.client import Catalogue, ServiceClient, fill
from tests.resilience.evidence import gather
from tests.resilience.fault_injection.shop import OTHERS
from tests.resilience.invariants import QUIET_WITHIN, Line
from tests.resilience.processes import Fleet, web, worker


def forge(catalogue: CatalogueStore, ids: list[str]) -> None:
    """As false events would: some items are far ahead of their product, others have no product."""
    table = aws_clients.table("shop-catalogue")
    for row in table.scan()["Items"]:
        table.delete_item(Key={"productId": row["productId"]})
    for n, product_id in enumerate(ids):
        for forged, version in [(product_id, 10**9 - n % 2), (f"unknown-{n}", n + 1)]:
            catalogue.put_newer(
                CatalogueItem(productId=forged, version=version, name="X", category="X", price=Decimal(n))
            )


def copy_is_current() -> bool:
    found = gather("shop")
    return not found.pending and found.products.items() <= found.catalogue.items()


def look_up(url: str, ids: list[str]) -> None:
    """Basket asks product for each product that its copy lacks, and stores the answer."""
    client = ServiceClient(url)
    for product_id in ids:
        fill(client.insist, "ann", frozenset({Line(product_id, "", 1)}))


@pytest.mark.resilience
def test_a_forged_copy_of_the_catalogue_is_rebuilt_while_products_change(
    stack: Mapping[str, str], tmp_path: Path
) -> None:
    product = web("product", stack)
    workers = [worker(f"services.{name}", name, stack) for name in ("product.relay", "basket.consumer")]
    env = dict(stack) | {"PRODUCT_URL": product.url}
    wiring, basket = Wiring(env), web("basket", env)
    with Fleet([product, basket, *workers], tmp_path).running(), ThreadPoolExecutor(2) as pool:
        products = Catalogue(ServiceClient(product.url), seed=1)
        products.fill(for_sale=0, others=OTHERS)
        products.edit(100)
        forge(wiring.catalogue_store, products.others)
        editing, reading = pool.submit(products.edit, 200), pool.submit(look_up, basket.url, list(products.others))
        rebuild(wiring.products, wiring.catalogue_store, lambda _: None)
        editing.result()
        reading.result()
        eventually(copy_is_current, QUIET_WITHIN)
        assert rebuild(wiring.products, wiring.catalogue_store, lambda _: None)
        found = gather("shop")
        assert found.catalogue == found.products
