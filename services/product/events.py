"""The events that tell what becomes of products, and how each follows from a product before and after."""

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
    """What all of them say. `version` decides which of two is the later one: they may come late, twice, or crossed."""

    SOURCE: ClassVar = "com.swn.product"
    VERSION: ClassVar = 1

    productId: str
    version: int = Field(
        ge=1, le=1_000_000_000, description="of the product, by one higher at each of its events; at most 1,000,000,000"
    )

    def as_event(self, occurred_at: str, correlation_id: str) -> Event:
        """A product has one event per version, and a copy of it is the same event."""
        return self.to_event(f"{self.productId}@{self.version}", occurred_at, correlation_id)


class ProductCreated(ProductEvent):
    """A product is sold from now on; with a version above 1 it is one that had been deleted."""

    DETAIL_TYPE: ClassVar = "ProductCreated"

    name: str
    category: str
    price: Amount


class ProductChanged(ProductEvent):
    """Something about a product is new: these fields, or others that must be asked for."""

    DETAIL_TYPE: ClassVar = "ProductChanged"

    name: str
    category: str
    price: Amount
    oldPrice: Amount
    changePercent: Percent | None = Field(description="of the price; null where the old one was 0 and this is not")


class ProductDeleted(ProductEvent):
    """A product is no longer sold."""

    DETAIL_TYPE: ClassVar = "ProductDeleted"

    deletedAt: str


def event_for_change(before: ProductRow | None, after: ProductRow) -> ProductEvent:
    """What happened between two states of a product."""
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
