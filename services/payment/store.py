"""Payments, and the ledger of the simulated provider, in DynamoDB."""

from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chassis.aws.errors import is_condition_failure, old_item, unavailable
from chassis.core.errors import Unavailable
from services.payment.models import Payment, Status
from services.payment.simulated import Entry

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

OUTAGE = "_outage"  # a row under this key makes the simulated provider fail, as in a real outage
# What is declined holds nothing, and the time of the first void stays.
TO_VOID: dict[str, Any] = {
    "ConditionExpression": "attribute_not_exists(#status) OR (#status <> :declined AND #status <> :voided)",
    "ExpressionAttributeNames": {"#status": "status"},
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}
STATUSES = {":voided": Status.VOIDED, ":declined": Status.DECLINED}


class PaymentStore:
    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    @unavailable("DynamoDB")
    def get(self, user_name: str, order_id: str) -> Payment | None:
        key = {"userName": user_name, "orderId": order_id}
        row = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return Payment.model_validate(row) if row else None

    def request(self, payment: Payment) -> Payment:
        """Writes the row if there is none. Returns the stored one."""
        return self._put(payment, ConditionExpression="attribute_not_exists(orderId)")

    def settle(self, payment: Payment) -> Payment:
        """Writes the row if the stored one is REQUESTED. Returns the stored one."""
        return self._put(
            payment,
            ConditionExpression="#status = :requested",
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={":requested": Status.REQUESTED},
        )

    @unavailable("DynamoDB")
    def void(self, user_name: str, order_id: str, now: str) -> Payment:
        """Makes the row VOIDED, or creates it so, unless it is DECLINED. Returns the stored one."""
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key={"userName": user_name, "orderId": order_id},
                UpdateExpression="SET #status = :voided, changedAt = :now",
                ExpressionAttributeValues=STATUSES | {":now": now},
                ReturnValues="ALL_NEW",
                **TO_VOID,
            )
        except ClientError as error:
            if not is_condition_failure(error):
                raise
            return Payment.model_validate(old_item(error))
        return Payment.model_validate(answer["Attributes"])

    @unavailable("DynamoDB")
    def check(self) -> None:
        """Raises Unavailable while the table cannot be read."""
        self._dynamodb.get_item(TableName=self._table, Key={"userName": "_", "orderId": "_"})

    @unavailable("DynamoDB")
    def _put(self, payment: Payment, **condition: Any) -> Payment:
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=payment.model_dump(exclude_none=True),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **condition,
            )
        except ClientError as error:
            if not is_condition_failure(error):
                raise
            return Payment.model_validate(old_item(error))
        return payment


class LedgerStore:
    """Raises Unavailable in the name of the provider."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    @unavailable("The payment provider")
    def open(self, entry: Entry) -> Entry:
        """Writes the entry if its key has none. Returns the stored one."""
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=entry.model_dump(exclude_none=True),
                ConditionExpression="attribute_not_exists(idempotencyKey)",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            if not is_condition_failure(error):
                raise
            return Entry.model_validate(old_item(error))
        return entry

    @unavailable("The payment provider")
    def void(self, key: str) -> None:
        """Makes the entry VOIDED, or creates it so, unless it is DECLINED."""
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={"idempotencyKey": key},
                UpdateExpression="SET #status = :voided",
                ExpressionAttributeValues=STATUSES,
                **TO_VOID,
            )
        except ClientError as error:
            if not is_condition_failure(error):
                raise

    @unavailable("The payment provider")
    def check(self) -> None:
        """Raises Unavailable while the table cannot be read, or has a row under OUTAGE."""
        if "Item" in self._dynamodb.get_item(
            TableName=self._table, Key={"idempotencyKey": OUTAGE}, ConsistentRead=True
        ):
            raise Unavailable("The payment provider is down.")
