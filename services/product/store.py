"""Products in DynamoDB: one row per product, an index by category."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chassis.aws import is_condition_failure, old_items, unavailable
from chassis.errors import DomainError, NotFound, PreconditionFailed
from chassis.paging import Page, read_page
from services.product.models import Product

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ProductStore:
    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    @unavailable("DynamoDB")
    def get(self, product_id: str) -> Product:
        row = self._dynamodb.get_item(TableName=self._table, Key={"id": product_id}, ConsistentRead=True).get("Item")
        if row is None:
            raise NotFound(f"There is no product {product_id}.")
        return Product.model_validate(row)

    @unavailable("DynamoDB")
    def add(self, product: Product) -> None:
        """Needs no condition: the id is new, and a retried call writes the same row again."""
        self._dynamodb.put_item(TableName=self._table, Item=product.model_dump())

    @unavailable("DynamoDB")
    def add_if_absent(self, product: Product) -> bool:
        """False if the id is taken, whatever the product there has become."""
        try:
            self._dynamodb.put_item(
                TableName=self._table, Item=product.model_dump(), ConditionExpression="attribute_not_exists(id)"
            )
        except ClientError as error:
            if is_condition_failure(error):
                return False
            raise
        return True

    @unavailable("DynamoDB")
    def change(self, product_id: str, changes: dict[str, Any], version: int | None) -> Product:
        """Sets `changes` and counts the version up, in one write; PreconditionFailed if `version` is not the row's."""
        names = {f"#{name}": name for name in changes}
        condition = _at(version)
        values = {f":{name}": value for name, value in changes.items()} | {":one": 1}
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key={"id": product_id},
                UpdateExpression=f"SET {', '.join(f'#{name} = :{name}' for name in changes)} ADD version :one",
                ConditionExpression=condition["ConditionExpression"],
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values | condition.get("ExpressionAttributeValues", {}),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if is_condition_failure(error):
                return _unless_mine(product_id, old_items(error)[0], changes, version)
            raise
        return Product.model_validate(answer["Attributes"])

    @unavailable("DynamoDB")
    def remove(self, product_id: str, version: int | None) -> None:
        """PreconditionFailed if `version` is not the row's."""
        condition = _at(version)
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key={"id": product_id},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **condition,
            )
        except ClientError as error:
            if is_condition_failure(error):
                raise _refusal(product_id, old_items(error)[0]) from error
            raise

    @unavailable("DynamoDB")
    def page(self, category: str | None, limit: int, cursor: str | None) -> Page[Product]:
        """All products in no order, or one category's by id; the index may be a moment behind the table."""
        if category is None:
            page = read_page(self._dynamodb.scan, "product", ["id"], limit, cursor, TableName=self._table)
        else:
            page = read_page(
                self._dynamodb.query, f"category={category}", ["category", "id"], limit, cursor,
                TableName=self._table,
                IndexName="by-category",
                KeyConditionExpression="category = :category",
                ExpressionAttributeValues={":category": category},
            )  # fmt: skip
        return Page([Product.model_validate(row) for row in page.items], page.next_cursor)

    @unavailable("DynamoDB")
    def check(self) -> None:
        """Raises Unavailable while the table cannot be read."""
        self._dynamodb.get_item(TableName=self._table, Key={"id": "_"})


def _at(version: int | None) -> dict[str, Any]:
    """The condition that the product is there, at `version` where one is given."""
    if version is None:
        return {"ConditionExpression": "attribute_exists(id)"}
    return {"ConditionExpression": "version = :version", "ExpressionAttributeValues": {":version": version}}


def _unless_mine(product_id: str, row: dict[str, Any], changes: dict[str, Any], version: int | None) -> Product:
    """A retried call whose first answer was lost fails its own condition: the row that it wrote is its success."""
    if row and version is not None and row["version"] == version + 1 and changes.items() <= row.items():
        return Product.model_validate(row)
    raise _refusal(product_id, row)


def _refusal(product_id: str, row: dict[str, Any]) -> DomainError:
    if not row:
        return NotFound(f"There is no product {product_id}.")
    return PreconditionFailed(f"The product is at version {row['version']} now.", version=int(row["version"]))
