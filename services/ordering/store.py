"""Orders in DynamoDB: one row per order under its user. The order ID sorts by date."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chassis.aws.errors import is_condition_failure, old_item, unavailable
from chassis.aws.query import read_page, readable
from chassis.core.errors import Conflict
from chassis.core.paging import Page
from services.ordering.models import Order, Status
from services.ordering.order_ids import first_of, last_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class OrderStore:
    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    @unavailable("DynamoDB")
    def put_once(self, order: Order, content_hash: str) -> bool:
        """Returns False if the same order exists. Raises Conflict if an order with the same ID has other content."""
        row = order.model_dump() | {"contentHash": content_hash}
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
    def get(self, user_name: str, order_id: str) -> Order | None:
        key = {"userName": user_name, "orderId": order_id}
        row = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return Order.model_validate(row) if row else None

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
    def check(self) -> None:
        """Raises Unavailable while the table cannot be read."""
        self._dynamodb.get_item(TableName=self._table, Key={"userName": "_", "orderId": "_"})


def _orders(page: Page[dict[str, Any]]) -> Page[Order]:
    return readable(page, ["userName", "orderId"], Order.model_validate)
