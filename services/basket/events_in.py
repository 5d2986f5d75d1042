"""The events about products, with the fields that basket reads."""

from typing import ClassVar

from pydantic import Field

from chassis.core.events import EventData
from chassis.core.instants import Instant
from services.basket.catalogue import CatalogueItem, Price, Version
from services.basket.models import ProductId


class ProductEvent(EventData):
    """The fields that basket reads from every event about a product."""

    SOURCE: ClassVar = "com.swn.product"
    VERSION: ClassVar = 1

    productId: ProductId
    version: Version


class ProductCreated(ProductEvent):
    DETAIL_TYPE: ClassVar = "ProductCreated"

    name: str = Field(max_length=200)
    category: str = Field(max_length=100)
    price: Price

    def to_item(self) -> CatalogueItem:
        return CatalogueItem(**self.model_dump())


class ProductChanged(ProductCreated):
    DETAIL_TYPE: ClassVar = "ProductChanged"


class ProductDeleted(ProductEvent):
    DETAIL_TYPE: ClassVar = "ProductDeleted"

    deletedAt: Instant

    def to_item(self) -> CatalogueItem:
        return CatalogueItem.tombstone(self.productId, self.version, self.deletedAt)
