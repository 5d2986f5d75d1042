"""Rebuilds basket's copy of the catalogue from the product service: `python -m services.basket.rebuild`."""

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

MAX_PASSES = 10
CHANGES = ("added", "updated", "repaired", "overtaken", "removed")  # after any of these, another pass is needed


class Products(Protocol):
    def page(self, cursor: str | None) -> Page[CatalogueItem]: ...


def rebuild(products: Products, copy: RepairableCatalogue, say: Callable[[str], object]) -> bool:
    """Compares all products and tombstones with the copy, until a pass finds nothing to change. Events may arrive.

    Returns False if ten passes each found something, because products change too fast.
    """
    return any(not _Pass(number, copy, say).run(products) for number in range(1, MAX_PASSES + 1))


class _Pass:
    """One comparison. It reads first the versions of the copy, then the products, and last the rows of the copy.

    A product is written before its event is published. So if a row's version was read before the product and is higher
    than the product's, no valid event wrote it, and it is overwritten. A row that became newer during the pass is kept.
    Each repair is conditional on the version that was read. The next pass repairs what this one missed.
    """

    def __init__(self, number: int, copy: RepairableCatalogue, say: Callable[[str], object]) -> None:
        self._number = number
        self._copy = copy
        self._say = say
        self._before = dict(copy.versions())
        self._done: Counter[str] = Counter()

    def run(self, products: Products) -> int:
        """Returns the number of rows that differed. They must be compared again."""
        for page in _pages(products):
            rows = {row.productId: row for row in self._copy.get_many({entry.productId for entry in page})}
            for entry in page:
                self._done[self._repair(entry, rows.get(entry.productId))] += 1
                self._before.pop(entry.productId, None)
            self._report()
        self._remove_unknown_rows()
        return sum(self._done[word] for word in CHANGES)

    def _remove_unknown_rows(self) -> None:
        """Removes rows that were in the copy before the first page was read and whose product is on no page."""
        for product_id, version in self._before.items():
            self._done["removed"] += self._copy.remove(product_id, version)
        if self._done["removed"]:
            self._report()

    def _repair(self, entry: CatalogueItem, row: CatalogueItem | None) -> str:
        """Repairs the row of `entry` if it must be. Returns in one word what was done."""
        if row is None and entry.productId in self._before:  # it cannot be read
            return "repaired" if self._copy.overwrite(entry, self._before[entry.productId]) else "overtaken"
        if row is None or row.version < entry.version:
            taken = self._copy.put_newer(entry) == entry
            return "newer" if not taken else "updated" if row else "added"
        if row == entry:
            return "equal"
        if row.version == entry.version or row.version == self._before.get(entry.productId):
            return "repaired" if self._copy.overwrite(entry, row.version) else "overtaken"
        return "newer"

    def _report(self) -> None:
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
        is_equal = rebuild(wiring.products, wiring.catalogue_store, lambda text: print(text, flush=True))
    except Misconfigured as error:
        print(f"rebuild: {error}", file=sys.stderr)
        return 1
    except Unavailable as error:
        print(f"rebuild: {error.detail} Rows already written stay. Run this command again later.", file=sys.stderr)
        return 1
    print("The copy now equals the catalogue." if is_equal else "Products keep changing. Events will update the copy.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
