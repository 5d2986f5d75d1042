"""Products in DynamoDB: one row per product, also for a deleted one, and an index by category."""

from typing import TYPE_CHECKING, Any

from chassis.aws.errors import unavailable
from chassis.aws.query import SizeLimits, read_page, readable
from chassis.core.events import Event
from chassis.core.paging import Page
from chassis.messaging.outbox import Outbox
from services.product.models import Product, ProductRow, Tombstone

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# A product has at most 2,800 characters of up to four bytes, so one call reads the default page of 20.
SIZES = SizeLimits(row=12 * 1024)


class ProductStore:
    def __init__(self, dynamodb: "DynamoDBClient", outbox: Outbox, table: str) -> None:
        self._dynamodb = dynamodb
        self._outbox = outbox
        self._table = table

    @unavailable("DynamoDB")
    def get(self, product_id: str) -> ProductRow | None:
        row = self._dynamodb.get_item(TableName=self._table, Key={"id": product_id}, ConsistentRead=True).get("Item")
        return _read(row) if row else None

    def save(self, after: ProductRow, before: ProductRow | None, event: Event) -> bool:
        """Writes the row and its event in one transaction. Returns False if the row is not `before`, or no longer.

        Raises Unavailable if there was no answer, so the transaction may have been committed.
        """
        put = {"TableName": self._table, "Item": _row(after), **_unchanged(before)}
        return self._outbox.commit(event, {"Put": put})

    @unavailable("DynamoDB")
    def page(self, category: str | None, limit: int, cursor: str | None) -> Page[Product]:
        """All products unsorted, or those of a category sorted by ID. The index may lag behind the table."""
        if category is None:
            page = read_page(
                self._dynamodb.scan, "product", ["id"], limit, cursor, sizes=SIZES,
                TableName=self._table,
                FilterExpression="attribute_not_exists(deletedAt)",
            )  # fmt: skip
        else:
            page = read_page(
                self._dynamodb.query, f"category={category}", ["category", "id"], limit, cursor,
                within={"category": (category, category)},
                sizes=SIZES,
                TableName=self._table,
                IndexName="by-category",
                KeyConditionExpression="category = :category",
                ExpressionAttributeValues={":category": category},
            )  # fmt: skip
        return readable(page, ["id"], Product.model_validate)

    @unavailable("DynamoDB")
    def page_with_tombstones(self, limit: int, cursor: str | None) -> Page[ProductRow]:
        """Reads consistently, so that a copy of the catalogue gets no older state than from an earlier event.

        Raises ValidationError for a row that cannot be read. If it were left out, a copy would delete that product.
        """
        page = read_page(
            self._dynamodb.scan, "product+tombstones", ["id"], limit, cursor, sizes=SIZES,
            TableName=self._table,
            ConsistentRead=True,
        )  # fmt: skip
        return Page([_read(row) for row in page.items], page.next_cursor)

    @unavailable("DynamoDB")
    def check(self) -> None:
        """Raises Unavailable while the table cannot be read."""
        self._dynamodb.get_item(TableName=self._table, Key={"id": "_"})


def _read(row: dict[str, Any]) -> ProductRow:
    return Tombstone.model_validate(row) if "deletedAt" in row else Product.model_validate(row)


def _row(stored: ProductRow) -> dict[str, Any]:
    """A tombstone has no category, which keeps it out of the index."""
    if isinstance(stored, Tombstone):
        return stored.model_dump() | {"expiresAt": stored.expires_at}
    return stored.model_dump()


def _unchanged(before: ProductRow | None) -> dict[str, Any]:
    if before is None:
        return {"ConditionExpression": "attribute_not_exists(id)"}
    return {"ConditionExpression": "version = :version", "ExpressionAttributeValues": {":version": before.version}}
