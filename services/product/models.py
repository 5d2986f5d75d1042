"""Products: the models of requests, rows and responses."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from chassis.core.fields import BOOLEAN, Absent, Amount, Input, Model, PageQuery, documented_amount

# Longer than an event can be delayed: 14 days in a queue, 14 in its dead-letter queue, and both again after a redrive.
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
    """A complete product as a client sends it. The service assigns the ID and the version."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    name: Name
    description: Description = ""
    imageFile: ImageFile = ""
    category: Category
    price: Price


def _without_defaults(schema: dict[str, Any]) -> None:
    """Omitted fields stay unchanged, so the schema must not show defaults."""
    for field in schema["properties"].values():
        del field["default"]
    schema["examples"] = [{"price": 949.90}]


class ProductChanges(Input):
    """Some fields of a product. Null is rejected, because every product has every field."""

    model_config = ConfigDict(json_schema_extra=_without_defaults, json_schema_serialization_defaults_required=False)

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
    version: int = Field(ge=1, description="counts the writes, starting at 1; also the ETag")

    def changed(self, changes: Mapping[str, Any]) -> "Product":
        return self.model_copy(update={**changes, "version": self.version + 1})

    def deleted(self, now: str) -> "Tombstone":
        return Tombstone(id=self.id, version=self.version + 1, deletedAt=now)


class Tombstone(Model):
    """A deleted product. The row is kept for a while, with the version of the deletion."""

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
    tombstones: list[Tombstone] | Absent = Field(None, description="deleted products, if they were requested")
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
        default=False, description="include deleted products; cannot be combined with a category"
    )

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        if self.category and self.tombstones:
            raise ValueError("category and tombstones cannot be combined, because a deleted product has no category")
        return self
