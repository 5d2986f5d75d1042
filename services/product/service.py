"""The use cases of the product service. Each change is committed together with the event that describes it."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple, Protocol, cast

import structlog

from chassis.core import instants, logs
from chassis.core.errors import Conflict, NotFound, PreconditionFailed, Unavailable
from chassis.core.events import Event
from chassis.core.paging import Page
from chassis.core.writes import Attempts
from chassis.messaging.dispatch import Publish
from services.product.conditions import Condition
from services.product.events import event_for_change
from services.product.models import Product, ProductChanges, ProductFields, ProductRow

UNKNOWN_CHANGE = (
    "The database did not answer, so it is unknown whether the change was made. "
    "Read the current state before you try again."
)

log = structlog.stdlib.get_logger(__name__)


class Products(Protocol):
    """The storage that this service needs. `store.ProductStore` implements it on DynamoDB."""

    def get(self, product_id: str) -> ProductRow | None: ...
    def save(self, after: ProductRow, before: ProductRow | None, event: Event) -> bool: ...
    def page(self, category: str | None, limit: int, cursor: str | None) -> Page[Product]: ...
    def page_with_tombstones(self, limit: int, cursor: str | None) -> Page[ProductRow]: ...


class Write(NamedTuple):
    """A row to write and the event that describes the change."""

    after: ProductRow
    event: Event


class ProductService:
    def __init__(
        self,
        products: Products,
        publish: Publish,
        new_id: Callable[[], str],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._products = products
        self._publish = publish
        self._new_id = new_id
        self._clock = clock

    def create(self, fields: ProductFields) -> Product:
        return self.add(Product(id=self._new_id(), version=1, **fields.model_dump()))

    def add(self, product: Product) -> Product:
        """Adds a product. After a deletion with the same ID, its versions continue. Raises Conflict if it exists."""

        def new(before: ProductRow | None) -> Product:
            if isinstance(before, Product):
                raise Conflict(f"Product {product.id} already exists.")
            return product.model_copy(update={"version": before.version + 1 if before else 1})

        return cast("Product", self._write(product.id, new))

    def get(self, product_id: str, condition: Condition | None = None) -> Product:
        """Raises PreconditionFailed, as the writes do, if the product's version does not meet `condition`."""
        return _existing(self._products.get(product_id), product_id, condition)

    def page(self, category: str | None, limit: int, cursor: str | None) -> Page[Product]:
        return self._products.page(category, limit, cursor)

    def page_with_tombstones(self, limit: int, cursor: str | None) -> Page[ProductRow]:
        """For services that keep a copy of the catalogue and must know which products were deleted."""
        return self._products.page_with_tombstones(limit, cursor)

    def replace(self, product_id: str, fields: ProductFields, condition: Condition | None) -> Product:
        return self._change(product_id, condition, lambda old: old.changed(fields.model_dump()))

    def update(self, product_id: str, changes: ProductChanges, condition: Condition | None) -> Product:
        """Changes the fields that were sent. Without fields, nothing changes, and the version stays the same."""
        if sent := changes.model_dump(exclude_unset=True):
            return self._change(product_id, condition, lambda old: old.changed(sent))
        return _existing(self._products.get(product_id), product_id, condition)

    def remove(self, product_id: str, condition: Condition | None) -> None:
        """Leaves a tombstone, so that a late event cannot restore the product."""
        now = self._now()
        self._write(product_id, lambda row: _existing(row, product_id, condition).deleted(now))

    def _change(self, product_id: str, condition: Condition | None, change: Callable[[Product], Product]) -> Product:
        return cast("Product", self._write(product_id, lambda row: change(_existing(row, product_id, condition))))

    def _write(self, product_id: str, change: Callable[[ProductRow | None], ProductRow]) -> ProductRow:
        """Applies `change` exactly once, despite concurrent writers and lost answers. Then publishes the event.

        Versions only rise. So if the stored row equals an attempted one, that attempt succeeded.
        """
        now, correlation_id = self._now(), logs.correlation_id()
        attempted: list[Write] = []
        with Attempts(Unavailable(UNKNOWN_CHANGE)) as attempts:
            for _ in attempts:
                before = self._products.get(product_id)
                if done := next((each for each in attempted if each.after == before), None):
                    write = done
                    break
                after = change(before)
                write = Write(after, event_for_change(before, after).as_event(now, correlation_id))
                attempted.append(write)
                if attempts.write(partial(self._products.save, write.after, before, write.event)):
                    break
        log.info("product written", event_id=write.event.id)
        self._publish(write.event)
        return write.after

    def _now(self) -> str:
        return instants.write(self._clock())


def _existing(row: ProductRow | None, product_id: str, condition: Condition | None) -> Product:
    if not isinstance(row, Product):
        raise NotFound(f"There is no product {product_id}.")
    if condition is not None and not condition(row.version):
        raise PreconditionFailed(f"The product now has version {row.version}.", version=row.version)
    return row
