"""The events about products, and the rule that derives an event from a product before and after a change."""

from decimal import ROUND_DOWN, Decimal
from typing import Annotated, ClassVar

from pydantic import Field, PlainSerializer, WithJsonSchema

from chassis.core.events import Event, EventData
from chassis.core.fields import Amount
from services.product.models import Product, ProductRow, Tombstone

CENT = Decimal("0.01")

Percent = Annotated[
    Decimal,
    PlainSerializer(float, return_type=float, when_used="json"),
    WithJsonSchema(
        {"type": "number", "format": "double", "minimum": -100, "description": "rounded towards zero to two decimals"}
    ),
]


class ProductEvent(EventData):
    """The fields of all product events. They may arrive late, twice or unsorted, so the highest `version` wins."""

    SOURCE: ClassVar = "com.swn.product"
    VERSION: ClassVar = 1

    productId: str
    version: int = Field(
        ge=1,
        le=1_000_000_000,
        description="the product's version, which rises by one with each event; at most 1,000,000,000",
    )

    def as_event(self, occurred_at: str, correlation_id: str) -> Event:
        """A product has one event per version, so an event with the same ID is a copy."""
        return self.to_event(f"{self.productId}@{self.version}", occurred_at, correlation_id)


class ProductCreated(ProductEvent):
    """A product was added. If its version is above 1, it had been deleted before."""

    DETAIL_TYPE: ClassVar = "ProductCreated"

    name: str
    category: str
    price: Amount


class ProductChanged(ProductEvent):
    """A product was changed, in these fields or in others that the event does not contain."""

    DETAIL_TYPE: ClassVar = "ProductChanged"

    name: str
    category: str
    price: Amount
    oldPrice: Amount
    changePercent: Percent | None = Field(description="change of the price; null if only the old price was 0")


class ProductDeleted(ProductEvent):
    """A product was deleted and is no longer sold."""

    DETAIL_TYPE: ClassVar = "ProductDeleted"

    deletedAt: str


def event_for_change(before: ProductRow | None, after: ProductRow) -> ProductEvent:
    """The event that describes the change from `before` to `after`."""
    if isinstance(after, Tombstone):
        return ProductDeleted(productId=after.id, version=after.version, deletedAt=after.deletedAt)
    facts = {"productId": after.id} | after.model_dump(include={"version", "name", "category", "price"})
    if not isinstance(before, Product):
        return ProductCreated(**facts)
    return ProductChanged(oldPrice=before.price, changePercent=change_percent(before.price, after.price), **facts)


def change_percent(old: Decimal, new: Decimal) -> Decimal | None:
    if old == 0:
        return None if new else Decimal(0)
    return ((new - old) * 100 / old).quantize(CENT, ROUND_DOWN)
