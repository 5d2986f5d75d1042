"""Stock levels and reservations in DynamoDB. Pieces move in the transaction that writes their reservation."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from chassis.aws import batches, transactions
from chassis.aws.errors import is_condition_failure, is_conflict, old_item, unavailable, was_unanswered
from chassis.core.errors import Unavailable
from services.stock.models import Pieces, Place, Reservation, StockRow

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ABSENT = "attribute_not_exists(productId)"


class StockStore:
    def __init__(self, dynamodb: "DynamoDBClient", table: str, reservations: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._reservations = reservations

    @unavailable("DynamoDB")
    def level(self, product_id: str) -> StockRow | None:
        answer = self._dynamodb.get_item(TableName=self._table, Key={"productId": product_id}, ConsistentRead=True)
        return StockRow.model_validate(row) if (row := answer.get("Item")) else None

    @unavailable("DynamoDB")
    def levels(self, product_ids: Collection[str]) -> dict[str, StockRow]:
        """The levels of those products that are tracked."""
        keys = [{"productId": product_id} for product_id in product_ids]
        rows = [StockRow.model_validate(row) for row in batches.rows(self._dynamodb, self._table, keys)]
        return {row.productId: row for row in rows}

    @unavailable("DynamoDB")
    def set_available(self, product_id: str, available: int, revision: str, base: str | None) -> StockRow | None:
        """Sets the level if its revision is still `base` (None: if it has no row), and returns the new row.

        Returns None if another change won or a transaction holds the row. Returns the row also if an earlier,
        unanswered attempt wrote it. Raises Unavailable if an attempt got no answer and the row does not show more.
        """
        try:
            if base is None:
                return self._create(
                    StockRow(productId=product_id, available=available, reserved=0, sold=0, revision=revision)
                )
            return self._update(product_id, available, revision, base)
        except ClientError as error:
            if not (is_condition_failure(error) or is_conflict(error)):
                raise
            row = old_item(error)
            if row.get("revision") == revision:
                return StockRow.model_validate(row)
            if was_unanswered(error.response):
                raise Unavailable("DynamoDB did not answer the first attempt.") from error
            return None

    @unavailable("DynamoDB")
    def reservation(self, order_id: str) -> Reservation | None:
        key = {"orderId": order_id}
        row = self._dynamodb.get_item(TableName=self._reservations, Key=key, ConsistentRead=True).get("Item")
        return Reservation.model_validate(row) if row else None

    def move(
        self, before: Reservation | None, after: Reservation, pieces: Pieces, untracked: Collection[str] = ()
    ) -> bool:
        """Writes `after` and moves `pieces` between the places of the two states, all or nothing.

        Returns False if the reservation is no longer in the state of `before`, if a level has too few pieces or no
        row, if one of `untracked` has a row now, or if a concurrent write won. Raises Unavailable.
        """
        source = before.state.place if before else Place.AVAILABLE
        moves = [self._move(name, count, source, after.state.place) for name, count in pieces.items()]
        checks = [
            {"ConditionCheck": {"TableName": self._table, "Key": {"productId": name}, "ConditionExpression": ABSENT}}
            for name in sorted(untracked)
        ]
        return transactions.commit(self._dynamodb, [self._put(before, after), *moves, *checks])

    @unavailable("DynamoDB")
    def check(self) -> None:
        """Raises Unavailable while the table of levels cannot be read."""
        self._dynamodb.get_item(TableName=self._table, Key={"productId": "_"})

    def _create(self, row: StockRow) -> StockRow:
        self._dynamodb.put_item(
            TableName=self._table,
            Item=row.model_dump(exclude_none=True),
            ConditionExpression=ABSENT,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return row

    def _update(self, product_id: str, available: int, revision: str, base: str) -> StockRow:
        answer = self._dynamodb.update_item(
            TableName=self._table,
            Key={"productId": product_id},
            UpdateExpression="SET previousAvailable = available, available = :available, revision = :revision",
            ConditionExpression="revision = :base",
            ExpressionAttributeValues={":available": available, ":revision": revision, ":base": base},
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return StockRow.model_validate(answer["Attributes"])

    def _put(self, before: Reservation | None, after: Reservation) -> dict[str, Any]:
        put = {"TableName": self._reservations, "Item": after.model_dump(exclude_none=True)}
        if before is None:
            return {"Put": put | {"ConditionExpression": "attribute_not_exists(orderId)"}}
        unchanged = {
            "ConditionExpression": "#state = :state",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {":state": before.state},
        }
        return {"Put": put | unchanged}

    def _move(self, product_id: str, count: int, source: Place, target: Place) -> dict[str, Any]:
        update = {
            "TableName": self._table,
            "Key": {"productId": product_id},
            "UpdateExpression": "SET #from = #from - :count, #to = #to + :count",
            "ConditionExpression": "#from >= :count",
            "ExpressionAttributeNames": {"#from": source, "#to": target},
            "ExpressionAttributeValues": {":count": count},
        }
        return {"Update": update}
