"""Fills basket's catalogue from the product service, `python -m services.basket.rebuild`, while events go on."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from chassis import logs
from chassis.errors import Misconfigured, Unavailable
from chassis.paging import Page
from services.basket.app import make_catalogue_store, make_products
from services.basket.catalogue import Entries, Entry

PASSES = 10


class Products(Protocol):
    def page(self, cursor: str | None) -> Page[Entry]: ...


def rebuild(products: Products, entries: Entries, say: Callable[[str], object]) -> bool:
    """Goes through all products, tombstones too, until a pass finds nothing to write: then the copy has them all.

    False if they changed faster than that, ten times: the copy is as complete, and events bring the rest.
    """
    for number in range(1, PASSES + 1):
        read = written = 0
        for page in _pages(products):
            read, written = read + len(page), written + _take(page, entries)
            say(f"pass {number}: {read} products read, {written} written")
        if not written:
            return True
    return False


def _pages(products: Products) -> Iterator[list[Entry]]:
    page = products.page(None)
    yield page.items
    while page.next_cursor:
        page = products.page(page.next_cursor)
        yield page.items


def _take(page: Sequence[Entry], entries: Entries) -> int:
    """How many were newer than what was known."""
    known = {entry.productId: entry.version for entry in entries.get_many({entry.productId for entry in page})}
    newer = [entry for entry in page if entry.version > known.get(entry.productId, 0)]
    for entry in newer:
        entries.put_newer(entry)
    return len(newer)


def main(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    argparse.ArgumentParser(prog="python -m services.basket.rebuild", description=__doc__).parse_args(arguments)
    logs.configure("basket-rebuild", {"LOG_LEVEL": "WARNING", **env})
    try:
        settled = rebuild(make_products(env), make_catalogue_store(env), lambda text: print(text, flush=True))
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
