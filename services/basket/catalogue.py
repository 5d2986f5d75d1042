"""Basket's copy of the catalogue. Events update it, and missing products are requested from the product service."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Protocol

import structlog
from pydantic import Field

from chassis.core.fields import EXACT, Amount, Model
from services.basket.models import Listing

# Longer than an event can be delayed: 14 days in a queue, 14 in its dead-letter queue, and both again after a redrive.
TOMBSTONE_LIFETIME = timedelta(days=90)
# Bounds for what the product service sends. A version rises by one with each change, so the bound allows one change per
# second for 31 years. The sum of 100 lines with 999 pieces each at the highest price fits into an `Amount`.
Version = Annotated[int, Field(ge=1, le=1_000_000_000), EXACT]
Price = Annotated[Amount, Field(le=10_000_000)]

log = structlog.stdlib.get_logger(__name__)


class CatalogueItem(Model):
    """What basket knows about a product. Of two items, the one with the higher version is valid."""

    productId: str
    version: int
    name: str = ""
    category: str = ""
    price: Amount = Decimal(0)
    deleted: bool = False
    expiresAt: int | None = None

    @classmethod
    def tombstone(cls, product_id: str, version: int, deleted_at: str) -> "CatalogueItem":
        """A deleted product. It is kept for a while, so that a late event cannot restore the product."""
        expires = datetime.fromisoformat(deleted_at).timestamp() + TOMBSTONE_LIFETIME.total_seconds()
        return cls(productId=product_id, version=version, deleted=True, expiresAt=int(expires))


class CatalogueItems(Protocol):
    """The storage of the copy. `store.CatalogueStore` implements it on DynamoDB."""

    def get_many(self, product_ids: Collection[str]) -> list[CatalogueItem]: ...

    def put_newer(self, entry: CatalogueItem) -> CatalogueItem:
        """Returns the stored item: `entry`, or the existing one if its version is not lower."""
        ...


class RepairableCatalogue(CatalogueItems, Protocol):
    """What a rebuild needs in addition. Both writes return False and change nothing if the version is not `seen`.

    A row that cannot be read may have a version of any type, or none, which is None here.
    """

    def versions(self) -> Iterator[tuple[str, Any]]: ...
    def overwrite(self, entry: CatalogueItem, seen: Any) -> bool: ...
    def remove(self, product_id: str, seen: Any) -> bool: ...


class Products(Protocol):
    """The owner of the catalogue. `products.HttpProducts` calls it over HTTP."""

    def find(self, product_ids: Collection[str]) -> list[CatalogueItem]: ...


class Catalogue(Protocol):
    def look_up(self, product_ids: Collection[str]) -> dict[str, Listing]:
        """The listings of the products that are sold. Raises Unavailable if that is not known."""
        ...


class RequestCache:
    """A cache for one request. Each product is looked up once, whether it exists or not."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[str, Listing | None] = {}

    def look_up(self, product_ids: Collection[str]) -> dict[str, Listing]:
        if unknown := set(product_ids) - self._known.keys():
            self._known |= dict.fromkeys(unknown) | self._catalogue.look_up(unknown)
        return {product_id: listing for product_id in product_ids if (listing := self._known[product_id])}


def replicate(item: CatalogueItem, items: CatalogueItems) -> None:
    """Stores the item of an event, unless the copy already has at least that version."""
    written = items.put_newer(item) == item
    log.info(
        "catalogue updated" if written else "ignored an outdated product event",
        product_id=item.productId,
        product_version=item.version,
    )


class ReplicatedCatalogue:
    """Basket's copy of the catalogue. Only products that are missing in it are requested from the product service."""

    def __init__(self, items: CatalogueItems, products: Products) -> None:
        self._items = items
        self._products = products

    def look_up(self, product_ids: Collection[str]) -> dict[str, Listing]:
        wanted = set(product_ids)
        known = self._items.get_many(wanted)
        if unknown := wanted - {entry.productId for entry in known}:
            known += self._request(unknown)
        return {entry.productId: Listing(entry.name, entry.price) for entry in known if not entry.deleted}

    def _request(self, product_ids: Iterable[str]) -> list[CatalogueItem]:
        found = [self._items.put_newer(entry) for entry in self._products.find(sorted(product_ids))]
        log.info("requested unknown products", found=len(found))
        return found
