"""Orders in DynamoDB: one row per order under its user. The order ID sorts by date. An index has the open orders."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chassis.aws.errors import is_condition_failure, old_item, unavailable, was_unanswered
from chassis.aws.query import every_page, read_page, readable
from chassis.core.errors import Conflict, Unavailable
from chassis.core.events import Event
from chassis.core.paging import Page
from chassis.messaging.outbox import Outbox
from services.ordering.models import Order, OrderRow, Status
from services.ordering.order_ids import first_of, last_of, shard_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


PAGE = 100  # rows of the index
CHANGED = {"status", "reason", "history", "orderVersion", "attempt", "attemptedAt"}


class OrderStore:
    def __init__(self, dynamodb: "DynamoDBClient", outbox: Outbox, table: str) -> None:
        self._dynamodb = dynamodb
        self._outbox = outbox
        self._table = table

    @unavailable("DynamoDB")
    def put_once(self, order: OrderRow, content_hash: str) -> bool:
        """Returns False if the same order exists. Raises Conflict if an order with the same ID has other content."""
        row = order.model_dump(exclude_none=True) | {"contentHash": content_hash} | _shard(order)
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=row,
                ConditionExpression="attribute_not_exists(orderId)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not is_condition_failure(error):
                raise
            if old_item(error).get("contentHash") != content_hash:
                raise Conflict(f"Order {order.orderId} already exists with other content.") from error
            return False
        return True

    @unavailable("DynamoDB")
    def get(self, user_name: str, order_id: str) -> OrderRow | None:
        key = {"userName": user_name, "orderId": order_id}
        row = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return OrderRow.model_validate(row) if row else None

    def save(self, after: OrderRow, before: OrderRow, event: Event | None) -> bool:
        """Writes what changes in an order, in one transaction with `event` if there is one.

        Returns False if the row is not `before`, or no longer. Raises Unavailable if there was no answer, so the change
        may have been made.
        """
        update = {"TableName": self._table, **_change(after, before)}
        return self._outbox.commit(event, {"Update": update}) if event else self._update(update)

    @unavailable("DynamoDB")
    def _update(self, update: Any) -> bool:
        try:
            self._dynamodb.update_item(**update)
        except ClientError as error:
            if not is_condition_failure(error):
                raise
            if was_unanswered(error.response):
                raise Unavailable("DynamoDB did not answer the first attempt.") from error
            return False
        return True

    def open_orders(self, shard: str) -> Iterator[tuple[str, str]]:
        """The user names and IDs of open orders, those with the oldest last attempt first.

        The index may lag behind the table.
        """
        pages = every_page(
            self._dynamodb.query,
            TableName=self._table,
            IndexName="open",
            Limit=PAGE,
            KeyConditionExpression="openShard = :shard",
            ExpressionAttributeValues={":shard": shard},
        )
        yield from ((row["userName"], row["orderId"]) for page in pages for row in page)

    @unavailable("DynamoDB")
    def page(self, limit: int, cursor: str | None) -> Page[Order]:
        key = ["userName", "orderId"]
        return _orders(read_page(self._dynamodb.scan, "order", key, limit, cursor, TableName=self._table))

    @unavailable("DynamoDB")
    def page_of_user(
        self,
        user_name: str,
        dates: tuple[str, str] | None,
        limit: int,
        cursor: str | None,
        status: Status | None = None,
    ) -> Page[Order]:
        """Newest first. Both dates are included. DynamoDB reads the orders of all statuses, so pages may be short."""
        condition, values, within = "userName = :user", {":user": user_name}, {"userName": (user_name, user_name)}
        if dates is not None:
            first, last = within["orderId"] = first_of(dates[0]), last_of(dates[1])
            condition += " AND orderId BETWEEN :first AND :last"
            values |= {":first": first, ":last": last}
        only: dict[str, Any] = {}
        if status is not None:
            values |= {":status": status}
            only = {"FilterExpression": "#status = :status", "ExpressionAttributeNames": {"#status": "status"}}
        page = read_page(
            self._dynamodb.query, f"order/{user_name}/{dates}/{status}", ["userName", "orderId"], limit, cursor,
            within=within,
            TableName=self._table,
            ConsistentRead=True,
            ScanIndexForward=False,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            **only,
        )  # fmt: skip
        return _orders(page)

    @unavailable("DynamoDB")
    def arn(self) -> str:
        """The table's ARN, which names the partition, the region and the account."""
        return self._dynamodb.describe_table(TableName=self._table)["Table"]["TableArn"]

    @unavailable("DynamoDB")
    def check(self) -> None:
        """Raises Unavailable while the table cannot be read."""
        self._dynamodb.get_item(TableName=self._table, Key={"userName": "_", "orderId": "_"})


def _orders(page: Page[dict[str, Any]]) -> Page[Order]:
    return readable(page, ["userName", "orderId"], Order.model_validate)


def _shard(order: OrderRow) -> dict[str, str]:
    """Only open orders have a shard, so only they are in the index."""
    return {"openShard": shard_of(order.orderId)} if order.is_open else {}


def _change(after: OrderRow, before: OrderRow) -> dict[str, Any]:
    """The arguments of an update, conditioned on the version and the attempt of `before`."""
    values = after.model_dump(include=CHANGED, exclude_none=True) | _shard(after)
    sets = f"SET {', '.join(f'#{name} = :{name}' for name in values)}"
    seen = before.model_dump(include={"orderVersion", "attempt"})
    return {
        "Key": {"userName": after.userName, "orderId": after.orderId},
        "UpdateExpression": sets if after.is_open else f"{sets} REMOVE openShard",
        "ConditionExpression": " AND ".join(["attribute_exists(orderId)", *(_has(*field) for field in seen.items())]),
        "ExpressionAttributeNames": {f"#{name}": name for name in {*values, *seen}},
        "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}
        | {f":seen_{name}": value for name, value in seen.items() if value},
    }


def _has(name: str, value: int) -> str:
    """Rows of earlier versions lack the field, which counts as 0."""
    return f"#{name} = :seen_{name}" if value else f"attribute_not_exists(#{name})"
