"""Baskets, receipts and the checkout's transaction in DynamoDB."""

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chassis.aws import is_condition_failure, old_items, unavailable
from chassis.errors import NotFound, Unavailable
from chassis.events import Event
from chassis.outbox import Outbox
from chassis.paging import Page, read_page
from services.basket.checkout import Receipt
from services.basket.models import Basket

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# Why a transaction may be cancelled without anything being wrong: someone else was first, or the table is busy.
LOST_RACE = {
    "None",
    "ConditionalCheckFailed",
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
}


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
        page = read_page(self._dynamodb.scan, "basket", ["userName"], limit, cursor, TableName=self._table)
        return Page([Basket.model_validate(row) for row in page.items], page.next_cursor)

    @unavailable("DynamoDB")
    def save(self, basket: Basket, previous: Basket | None) -> bool:
        """False if the row is no longer `previous`; True also if an earlier, unanswered try had written it.

        Raises Unavailable when there was no answer, or none to the first try and the row tells nothing of it any more.
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
            if not is_condition_failure(error):
                raise
            row = old_items(error)[0]
            if row and Basket.model_validate(row).contains_write({basket.version}):
                return True
            if error.response["ResponseMetadata"].get("RetryAttempts"):
                raise Unavailable("DynamoDB did not answer the first try.") from error
            return False
        return True

    @unavailable("DynamoDB")
    def remove(self, user_name: str) -> None:
        answer = self._dynamodb.delete_item(
            TableName=self._table, Key={"userName": user_name}, ReturnValues="ALL_OLD"
        )  # fmt: skip
        if "Attributes" not in answer:
            raise NotFound(f"{user_name} has no basket.")

    @unavailable("DynamoDB")
    def receipt(self, user_name: str, key: str) -> Receipt | None:
        answer = self._dynamodb.get_item(
            TableName=self._receipts, Key={"userName": user_name, "idempotencyKey": key}, ConsistentRead=True
        )
        return Receipt.model_validate(row) if (row := answer.get("Item")) else None

    @unavailable("DynamoDB")
    def commit(self, basket: Basket, event: Event, receipt: Receipt, now: datetime) -> bool:
        """All or nothing: the basket goes, the event and the receipt are there. False if someone else was first.

        Raises Unavailable when there was no answer, and then the transaction may have happened.
        """
        key = {"userName": basket.userName}
        delete = {"TableName": self._table, "Key": key, **_unchanged(basket)}
        put_receipt = {
            "TableName": self._receipts,
            "Item": receipt.model_dump(),
            "ConditionExpression": "attribute_not_exists(userName) OR expiresAt <= :now",
            "ExpressionAttributeValues": {":now": int(now.timestamp())},
        }
        actions: list[Any] = [{"Delete": delete}, self._outbox.put_action(event), {"Put": put_receipt}]
        try:
            self._dynamodb.transact_write_items(TransactItems=actions, ClientRequestToken=str(uuid.uuid4()))
        except ClientError as error:
            if _lost_race(error):
                return False
            raise
        return True

    @unavailable("DynamoDB")
    def check(self) -> None:
        """Raises Unavailable while the table cannot be read."""
        self._dynamodb.get_item(TableName=self._table, Key={"userName": "_"})


def _unchanged(basket: Basket) -> dict[str, Any]:
    return {
        "ConditionExpression": "version = :version",
        "ExpressionAttributeValues": {":version": basket.version},
    }


def _lost_race(error: ClientError) -> bool:
    reasons: Any = error.response.get("CancellationReasons", [{"Code": "no reason given"}])
    return {reason.get("Code", "None") for reason in reasons} <= LOST_RACE
