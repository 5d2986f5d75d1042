"""Baskets, receipts, the checkout transaction and the copy of the catalogue in DynamoDB."""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chassis.aws import batches
from chassis.aws.errors import is_condition_failure, is_conflict, old_item, unavailable, was_unanswered
from chassis.aws.query import SizeLimits, every_page, read_page, readable
from chassis.core.errors import Unavailable
from chassis.core.events import Event
from chassis.core.paging import Page
from chassis.messaging.outbox import Outbox
from services.basket.catalogue import CatalogueItem
from services.basket.checkout import Receipt
from services.basket.models import Basket

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


SIZES = SizeLimits(page=64 * 1024)  # about 200 lines; each may need a look-up of its price
SCAN = 500  # rows per call, so that no call exceeds its time-out


class BasketStore:
    def __init__(self, dynamodb: "DynamoDBClient", outbox: Outbox, table: str, receipts: str) -> None:
        self._dynamodb = dynamodb
        self._outbox = outbox
        self._table = table
        self._receipts = receipts

    @unavailable("DynamoDB")
    def get(self, user_name: str) -> Basket | None:
        answer = self._dynamodb.get_item(TableName=self._table, Key={"userName": user_name}, ConsistentRead=True)
        return Basket.model_validate(row) if (row := answer.get("Item")) else None

    @unavailable("DynamoDB")
    def page(self, limit: int, cursor: str | None) -> Page[Basket]:
        key = ["userName"]
        page = read_page(
            self._dynamodb.scan, "basket", key, limit, cursor, sizes=SIZES, TableName=self._table
        )  # fmt: skip
        return readable(page, key, Basket.model_validate)

    @unavailable("DynamoDB")
    def save(self, basket: Basket, previous: Basket | None) -> bool:
        """Returns False if the row is no longer `previous` or a transaction holds it. Returns True also if an earlier,
        unanswered attempt wrote the row.

        Raises Unavailable if the last attempt got no answer, or if the first got none and the row does not show more.
        """
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(userName)"}
        if previous is not None:
            condition = _unchanged(previous)
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=basket.model_dump(),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **condition,
            )
        except ClientError as error:
            if not (is_condition_failure(error) or is_conflict(error)):
                raise
            row = old_item(error)
            if row and Basket.model_validate(row).contains_write({basket.version}):
                return True
            if was_unanswered(error.response):
                raise Unavailable("DynamoDB did not answer the first attempt.") from error
            return False
        return True

    @unavailable("DynamoDB")
    def remove(self, user_name: str) -> bool:
        """Returns False if there was no basket, and True also if an unanswered first attempt may have deleted it."""
        answer = self._dynamodb.delete_item(
            TableName=self._table, Key={"userName": user_name}, ReturnValues="ALL_OLD"
        )  # fmt: skip
        return "Attributes" in answer or was_unanswered(answer)

    @unavailable("DynamoDB")
    def receipt(self, user_name: str, key: str) -> Receipt | None:
        answer = self._dynamodb.get_item(
            TableName=self._receipts, Key={"userName": user_name, "idempotencyKey": key}, ConsistentRead=True
        )
        return Receipt.model_validate(row) if (row := answer.get("Item")) else None

    def commit(self, basket: Basket, event: Event, receipt: Receipt, now: datetime) -> bool:
        """Deletes the basket and writes the event and the receipt in one transaction. False if another write won.

        Raises Unavailable if there was no answer, so the transaction may have been committed.
        """
        key = {"userName": basket.userName}
        delete = {"TableName": self._table, "Key": key, **_unchanged(basket)}
        put_receipt = {
            "TableName": self._receipts,
            "Item": receipt.model_dump(),
            "ConditionExpression": "attribute_not_exists(userName) OR expiresAt <= :now",
            "ExpressionAttributeValues": {":now": int(now.timestamp())},
        }
        return self._outbox.commit(event, {"Delete": delete}, {"Put": put_receipt})

    @unavailable("DynamoDB")
    def check(self) -> None:
        """Raises Unavailable while the table cannot be read."""
        self._dynamodb.get_item(TableName=self._table, Key={"userName": "_"})


class CatalogueStore:
    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    @unavailable("DynamoDB")
    def get_many(self, product_ids: Collection[str]) -> list[CatalogueItem]:
        """The known items. Reads consistently, so that a price never returns to an earlier one."""
        keys = [{"productId": product_id} for product_id in sorted(set(product_ids))]
        return _items(list(batches.rows(self._dynamodb, self._table, keys)))

    @unavailable("DynamoDB")
    def put_newer(self, entry: CatalogueItem) -> CatalogueItem:
        """Writes `entry` unless the row has at least its version. Returns the stored item.

        If the stored row cannot be read, it returns `entry`, the best that is known.
        """
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=entry.model_dump(exclude_none=True),
                ConditionExpression="attribute_not_exists(version) OR version < :version",
                ExpressionAttributeValues={":version": entry.version},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if is_condition_failure(error):
                return next(iter(_items([old_item(error)])), entry)
            raise
        return entry

    def versions(self) -> Iterator[tuple[str, Any]]:
        """The ID and version of each row, also of tombstones, read consistently. None if a row has no version."""
        wanted = {"TableName": self._table, "ConsistentRead": True, "ProjectionExpression": "productId, version"}
        for rows in every_page(self._dynamodb.scan, Limit=SCAN, **wanted):
            yield from ((str(row["productId"]), row.get("version")) for row in rows)

    def overwrite(self, entry: CatalogueItem, seen: Any) -> bool:
        """Writes `entry`, whatever its version. Returns False if the row no longer has the version `seen`."""
        return self._write_if_version(seen, self._dynamodb.put_item, Item=entry.model_dump(exclude_none=True))

    def remove(self, product_id: str, seen: Any) -> bool:
        """Returns False if the row no longer has the version `seen`."""
        return self._write_if_version(seen, self._dynamodb.delete_item, Key={"productId": product_id})

    @unavailable("DynamoDB")
    def check(self) -> None:
        """Raises Unavailable while the table cannot be read."""
        self._dynamodb.get_item(TableName=self._table, Key={"productId": "_"})

    @unavailable("DynamoDB")
    def _write_if_version(self, seen: Any, write: Callable[..., object], **what: Any) -> bool:
        condition: Any = {"ConditionExpression": "attribute_exists(productId) AND attribute_not_exists(version)"}
        if seen is not None:
            condition = {"ConditionExpression": "version = :seen", "ExpressionAttributeValues": {":seen": seen}}
        try:
            write(TableName=self._table, **condition, **what)
        except ClientError as error:
            if is_condition_failure(error):
                return False
            raise
        return True


def _unchanged(basket: Basket) -> dict[str, Any]:
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": basket.version},
    }


def _items(rows: list[dict[str, Any]]) -> list[CatalogueItem]:
    """Leaves out rows that cannot be read. Their products count as unknown, and `rebuild` repairs the rows."""
    return readable(Page(rows, None), ["productId"], CatalogueItem.model_validate).items
