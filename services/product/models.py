"""Products: what a client may write, and what the shop keeps."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from chassis.core.fields import BOOLEAN, Absent, Amount, Input, Model, PageQuery, documented_amount

# Longer than an event can be on its way: 14 days in a queue, 14 in its dead-letter queue, the same once redriven.
TOMBSTONE_LIFETIME = timedelta(days=90)

EXAMPLE: dict[str, Any] = {
    "name": "Teapot",
    "description": "Holds a litre.",
    "imageFile": "teapot.png",
    "category": "Kitchen",
    "price": 12.30,
}

Name = Annotated[str, Field(min_length=1, max_length=200)]
Description = Annotated[str, Field(max_length=2000)]
ImageFile = Annotated[str, Field(max_length=500)]
Category = Annotated[str, Field(min_length=1, max_length=100)]
MAX_PRICE = 1_000_000
Price = Annotated[Amount, Field(le=MAX_PRICE), documented_amount(MAX_PRICE)]


class ProductFields(Input):
    """A whole product as a client writes it; id and version are the shop's to give."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: Name
    description: Description = ""
    imageFile: ImageFile = ""
    category: Category
    price: Price


def _some_fields(schema: dict[str, Any]) -> None:
    """A field left out stays as it is, so no default is true."""
    for field in schema["properties"].values():
        del field["default"]
    schema["examples"] = [{"price": 949.90}]


class ProductChanges(Input):
    """Some fields of a product; null is refused, for no field can be absent."""

    model_config = ConfigDict(json_schema_extra=_some_fields, json_schema_serialization_defaults_required=False)

    name: Name = ""
    description: Description = ""
    imageFile: ImageFile = ""
    category: Category = ""
    price: Price = Decimal(0)


class Product(Model):
    id: str
    name: str
    description: str
    imageFile: str
    category: str
    price: Amount
    version: int = Field(ge=1, description="counts the writes from 1; also the ETag")

    def changed(self, changes: Mapping[str, Any]) -> "Product":
        return self.model_copy(update={**changes, "version": self.version + 1})

    def deleted(self, now: str) -> "Tombstone":
        return Tombstone(id=self.id, version=self.version + 1, deletedAt=now)


class Tombstone(Model):
    """What stays of a deleted product for a while: that it is no more, and since which version."""

    id: str
    version: int
    deletedAt: str

    @property
    def expires_at(self) -> int:
        """Seconds since 1970."""
        return int((datetime.fromisoformat(self.deletedAt) + TOMBSTONE_LIFETIME).timestamp())


ProductRow = Product | Tombstone


class ProductPage(Model):
    items: list[Product]
    tombstones: list[Tombstone] | Absent = Field(None, description="deleted products, where they were asked for")
    nextCursor: str | None

    @classmethod
    def with_tombstones(cls, rows: Iterable[ProductRow], next_cursor: str | None) -> Self:
        rows = list(rows)
        return cls(
            items=[row for row in rows if isinstance(row, Product)],
            tombstones=[row for row in rows if isinstance(row, Tombstone)],
            nextCursor=next_cursor,
        )


class ProductQuery(PageQuery):
    category: Category | Absent = None
    tombstones: Annotated[bool, BOOLEAN] = Field(
        default=False, description="deleted products as well; not together with a category"
    )

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.category and self.tombstones:
            raise ValueError("category excludes tombstones: a deleted product is in none")
        return self
