"""A thousand changes of products, their carriers killed and lied to: basket's copy ends as product has it."""

import os
import random
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from services.basket.catalogue import CatalogueItem
from services.basket.rebuild import rebuild
from services.basket.wiring import Wiring
from tests import emulated
from tests.processes import eventually
from tests.resilience.client import Web
from tests.resilience.fault_injection import faults
from tests.resilience.fault_injection.proxy import proxy_of
from tests.resilience.fault_injection.random_faults import QUIET_WITHIN, seeds
from tests.resilience.invariants import gather
from tests.resilience.processes import Fleet, Member, web, worker

pytestmark = pytest.mark.resilience
CHANGES = 1000
PRODUCTS = 25
EDITORS = 8


class Editors:
    """They make products, change their prices, and delete some; everybody asks again until there is an answer."""

    def __init__(self, product: Web, basket: Web, seed: int) -> None:
        self._product = product
        self._basket = basket
        self._dice = random.Random(seed)  # noqa: S311 a test's dice
        self.ids = [self._make(n) for n in range(PRODUCTS)]

    def work(self, changes: int) -> None:
        with ThreadPoolExecutor(EDITORS, thread_name_prefix="editor") as crowd:
            list(crowd.map(self._change, range(changes)))

    def _make(self, n: int) -> str:
        answer = self._product.insist("POST", "/product", {"name": f"P{n}", "category": "C", "price": n})
        assert answer is not None
        return str(answer.json()["id"])

    def _change(self, n: int) -> None:
        """Every hundredth deletes a product and makes another; every tenth reader looks one up meanwhile."""
        place = n % PRODUCTS
        if n % 100 == 99:
            assert self._product.insist("DELETE", f"/product/{self.ids[place]}", None) is not None
            self.ids[place] = self._make(n)
            return
        price = self._dice.randint(0, 99_999) / 100
        assert self._product.insist("PATCH", f"/product/{self.ids[place]}", {"price": price}) is not None
        if n % 10 == 0:
            line = {"productId": self.ids[place], "quantity": 1}
            self._basket.insist("POST", "/basket", {"userName": f"u-{n}", "items": [line]})


def stale(stack: str) -> list[Any]:
    """The products that basket's copy does not have as they are."""
    evidence = gather(stack)
    return [key for key, facts in evidence.products.items() if evidence.catalogue.get(key) != facts]


def empty(table: str) -> None:
    rows = emulated.table(table)
    with rows.batch_writer() as batch:
        for row in rows.scan()["Items"]:
            batch.delete_item(Key={"productId": row["productId"]})


def carriers(env: Mapping[str, str]) -> list[Member]:
    return [
        worker("services.product.relay", "product-relay", env),
        worker("services.basket.consumer", "basket-consumer-0", env),
        worker("services.basket.consumer", "basket-consumer-1", env),
    ]


@pytest.mark.parametrize("seed", seeds(os.environ)[:1])
def test_after_a_thousand_changes_with_carriers_killed_the_copy_is_what_product_has(
    stack: Mapping[str, str], tmp_path: Path, seed: int, record_property: Any
) -> None:
    with proxy_of(stack["AWS_ENDPOINT_URL"], seed) as proxy:
        env = dict(stack) | {"AWS_ENDPOINT_URL": proxy.url}
        product = web("product", env)
        basket = web("basket", env | {"PRODUCT_URL": product.url})
        doomed = Fleet(carriers(env), tmp_path)
        with Fleet([product, basket], tmp_path).running(), doomed.running():
            editors = Editors(Web([product.url], seed), Web([basket.url], seed), seed)
            proxy.rules = faults.storm(0.2)
            began = time.monotonic()
            with doomed.killed_at_random(every=1.0, seed=seed):
                editors.work(CHANGES)
            seconds = time.monotonic() - began
            proxy.calm()
            began = time.monotonic()
            eventually(lambda: not stale("shop") and not gather("shop").pending, QUIET_WITHIN)
            quiet = time.monotonic() - began
    kills = sum(member.kills for member in doomed.members)
    evidence = gather("shop")
    gone = [facts for facts in evidence.products.values() if facts[1] == 0]
    assert len(evidence.products) >= PRODUCTS + CHANGES // 100  # who asks again after "unknown" may make a second one
    assert kills > seconds / 2
    record_property(
        "figures",
        f"catalogue, SHOP_SEED={seed}: {CHANGES} changes of {len(evidence.products)} products ({len(gone)} free or "
        f"gone) in {seconds:.1f} s with {kills} kills, the copy equal {quiet:.1f} s after the faults stopped",
    )


def test_an_emptied_and_forged_catalogue_is_rebuilt_while_products_go_on_changing(
    stack: Mapping[str, str], tmp_path: Path
) -> None:
    product = web("product", stack)
    env = dict(stack) | {"PRODUCT_URL": product.url}
    basket = web("basket", env)
    with Fleet([product, basket, *carriers(env)], tmp_path).running():
        editors = Editors(Web([product.url], 1), Web([basket.url], 1), 1)
        editors.work(100)
        catalogue = Wiring(stack).catalogue_store
        empty("shop-catalogue")
        for n, forged in enumerate(editors.ids):  # as false events would: far ahead, or of no product
            price = Decimal(n)
            catalogue.put_newer(
                CatalogueItem(productId=forged, version=10**9 - n % 2, name="X", category="X", price=price)
            )
            catalogue.put_newer(
                CatalogueItem(productId=f"unknown-{n}", version=n + 1, name="X", category="X", price=price)
            )
        with ThreadPoolExecutor(1) as crowd:
            busy = crowd.submit(editors.work, 200)
            rebuild(Wiring(env).products, catalogue, lambda _: None)
            busy.result()
        eventually(lambda: not stale("shop") and not gather("shop").pending, QUIET_WITHIN)
        assert rebuild(Wiring(env).products, catalogue, lambda _: None)
    assert stale("shop") == []
    assert set(gather("shop").catalogue) == set(gather("shop").products)
