"""Makes basket's catalogue equal to the product service's: `python -m services.basket.rebuild`, while events go on."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from chassis.core import logs
from chassis.core.errors import Misconfigured, Unavailable
from chassis.core.paging import Page
from services.basket.catalogue import CatalogueItem, RepairableCatalogue
from services.basket.wiring import Wiring

PASSES = 10
CHANGES = ("added", "updated", "repaired", "overtaken", "removed")  # after any of them another pass looks again


class Products(Protocol):
    def page(self, cursor: str | None) -> Page[CatalogueItem]: ...


def rebuild(products: Products, copy: RepairableCatalogue, say: Callable[[str], object]) -> bool:
    """Compares all products, tombstones too, with the copy until a pass finds nothing to change.

    False if ten passes each found something, because products change faster than that.
    """
    return any(not _Pass(number, copy, say).run(products) for number in range(1, PASSES + 1))


class _Pass:
    """Reads the versions of the copy first, the products second and the rows of the copy last.

    A product is written before its event is published. So if a row's version was read before the product and is higher
    than the product's, no true event wrote it, and it is overwritten. A row that became newer during the pass is kept.
    Each repair is conditional on the version that was seen. The next pass brings what a repair may have missed.
    """

    def __init__(self, number: int, copy: RepairableCatalogue, say: Callable[[str], object]) -> None:
        self._number = number
        self._copy = copy
        self._say = say
        self._before = dict(copy.versions())
        self._done: Counter[str] = Counter()

    def run(self, products: Products) -> int:
        """How many rows were not as product has them, and what became of them must be looked at again."""
        for page in _pages(products):
            rows = {row.productId: row for row in self._copy.get_many({entry.productId for entry in page})}
            for entry in page:
                self._done[self._settle(entry, rows.get(entry.productId))] += 1
                self._before.pop(entry.productId, None)
            self._tell()
        self._remove_the_others()
        return sum(self._done[word] for word in CHANGES)

    def _remove_the_others(self) -> None:
        """They were in the copy before the first page was read, and on no page: product does not have them."""
        for product_id, version in self._before.items():
            self._done["removed"] += self._copy.remove(product_id, version)
        if self._done["removed"]:
            self._tell()

    def _settle(self, entry: CatalogueItem, row: CatalogueItem | None) -> str:
        """What was done about the row of `entry`, in one word."""
        if row is None and entry.productId in self._before:  # it cannot be read
            return "repaired" if self._copy.put_instead(entry, self._before[entry.productId]) else "overtaken"
        if row is None or row.version < entry.version:
            taken = self._copy.put_newer(entry) == entry
            return "newer" if not taken else "updated" if row else "added"
        if row == entry:
            return "equal"
        if row.version == entry.version or row.version == self._before.get(entry.productId):
            return "repaired" if self._copy.put_instead(entry, row.version) else "overtaken"
        return "newer"

    def _tell(self) -> None:
        compared = self._done.total() - self._done["removed"]
        counts = [f"{self._done[word]} {word}" for word in ("equal", "newer", *CHANGES) if self._done[word]]
        self._say(f"pass {self._number}: {', '.join([f'{compared} products compared', *counts])}")


def _pages(products: Products) -> Iterator[list[CatalogueItem]]:
    page = products.page(None)
    yield page.items
    while page.next_cursor:
        page = products.page(page.next_cursor)
        yield page.items


def main(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    argparse.ArgumentParser(prog="python -m services.basket.rebuild", description=__doc__).parse_args(arguments)
    logs.configure("basket-rebuild", {"LOG_LEVEL": "WARNING", **env})
    try:
        wiring = Wiring(env)
        settled = rebuild(wiring.products, wiring.catalogue_store, lambda text: print(text, flush=True))
    except Misconfigured as error:
        print(f"rebuild: {error}", file=sys.stderr)
        return 1
    except Unavailable as error:
        print(f"rebuild: {error.detail} What is written stays: run it again once it answers.", file=sys.stderr)
        return 1
    print(
        "The catalogue is as the product service has it." if settled else "Products keep changing; events bring that."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
