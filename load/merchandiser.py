"""The merchandiser: changes prices while others shop, and puts them back at the end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from load.mix import new_price
from load.shopper import Browser


@dataclass
class Merchandiser:
    """`usual` has the price of each product before the first change."""

    urls: Mapping[str, str]
    browser: Browser
    rng: Random
    usual: dict[str, Decimal] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)

    def change_a_price(self) -> None:
        self.browser.sleep(self.rng.uniform(0.5, 2))
        if not self.usual:
            page = self.browser.ask("GET /product", "GET", f"{self.urls['product']}/product?limit=100", expect={200})
            self.usual = {it["id"]: Decimal(str(it["price"])) for it in page.body.get("items", [])}
        if self.usual:
            product_id = self.rng.choice(sorted(self.usual))
            self.changed.add(product_id)
            self._set(product_id, new_price(self.rng, self.usual[product_id]))

    def put_back(self) -> None:
        for product_id in sorted(self.changed):
            self._set(product_id, self.usual[product_id])
        self.changed.clear()

    def _set(self, product_id: str, price: Decimal) -> None:
        url = f"{self.urls['product']}/product/{product_id}"
        self.browser.ask("PATCH /product/{id}", "PATCH", url, expect={200}, body={"price": float(price)})
