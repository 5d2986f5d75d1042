"""Who knows names and prices: basket's own copy of the catalogue, fed by events and, where it has a gap, by asking."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Protocol

import structlog
from pydantic import Field

from chassis.core.fields import EXACT, Amount, Model
from services.basket.models import Listing

# Longer than an event can be on its way: 14 days in a queue, 14 in its dead-letter queue, the same once redriven.
TOMBSTONE_LIFETIME = timedelta(days=90)
# Of what others say about a product. A version rises by one at each change: the bound is a change every second for 31
# years. A basket of 100 lines with 999 pieces each, at the highest price, still has a sum that `Amount` can hold.
Version = Annotated[int, Field(ge=1, le=1_000_000_000), EXACT]
Price = Annotated[Amount, Field(le=10_000_000)]

log = structlog.stdlib.get_logger(__name__)


class CatalogueItem(Model):
    """What is known of a product; of two entries the one with the higher version is true."""

    productId: str
    version: int
    name: str = ""
    category: str = ""
    price: Amount = Decimal(0)
    deleted: bool = False
    expiresAt: int | None = None

    @classmethod
    def tombstone(cls, product_id: str, version: int, deleted_at: str) -> "CatalogueItem":
        """Kept for a while, so that an event that comes late does not bring the product back."""
        expires = datetime.fromisoformat(deleted_at).timestamp() + TOMBSTONE_LIFETIME.total_seconds()
        return cls(productId=product_id, version=version, deleted=True, expiresAt=int(expires))


class CatalogueItems(Protocol):
    """The storage of the copy; `store.CatalogueStore` is the one on DynamoDB."""

    def get_many(self, product_ids: Collection[str]) -> list[CatalogueItem]: ...

    def put_newer(self, entry: CatalogueItem) -> CatalogueItem:
        """The one that is there now: `entry`, or what had at least its version."""
        ...


class RepairableCatalogue(CatalogueItems, Protocol):
    """What a repair needs besides; both writes return False, and change nothing, if the row is not at `seen`.

    The version of a row that cannot be read may be anything, or None where it has none.
    """

    def versions(self) -> Iterator[tuple[str, Any]]: ...
    def put_instead(self, entry: CatalogueItem, seen: Any) -> bool: ...
    def remove(self, product_id: str, seen: Any) -> bool: ...


class Products(Protocol):
    """The owner of the catalogue; `products.HttpProducts` asks it over HTTP."""

    def find(self, product_ids: Collection[str]) -> list[CatalogueItem]: ...


class Catalogue(Protocol):
    def look_up(self, product_ids: Collection[str]) -> dict[str, Listing]:
        """The listings of those that are sold; raises Unavailable where nobody can tell."""
        ...


class RequestCache:
    """A catalogue for one request: each product is looked up once, whether it exists or not."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[str, Listing | None] = {}

    def look_up(self, product_ids: Collection[str]) -> dict[str, Listing]:
        if unknown := set(product_ids) - self._known.keys():
            self._known |= dict.fromkeys(unknown) | self._catalogue.look_up(unknown)
        return {product_id: listing for product_id in product_ids if (listing := self._known[product_id])}


def replicate(item: CatalogueItem, items: CatalogueItems) -> None:
    """Writes what an event says, unless the copy has at least its version already."""
    written = items.put_newer(item) == item
    log.info(
        "catalogue updated" if written else "ignored an outdated product event",
        product_id=item.productId,
        product_version=item.version,
    )


class ReplicatedCatalogue:
    """Basket's copy: a product it knows needs nobody else, and one it does not know is asked for once."""

    def __init__(self, items: CatalogueItems, products: Products) -> None:
        self._items = items
        self._products = products

    def look_up(self, product_ids: Collection[str]) -> dict[str, Listing]:
        wanted = set(product_ids)
        known = self._items.get_many(wanted)
        if unknown := wanted - {entry.productId for entry in known}:
            known += self._ask(unknown)
        return {entry.productId: Listing(entry.name, entry.price) for entry in known if not entry.deleted}

    def _ask(self, product_ids: Iterable[str]) -> list[CatalogueItem]:
        found = [self._items.put_newer(entry) for entry in self._products.find(sorted(product_ids))]
        log.info("asked for unknown products", found=len(found))
        return found
