"""Where `shop order` reads: the routes of ordering and payment, stock's reservation, and Step Functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID

from boto3.dynamodb.types import TypeDeserializer

from bootstrap.errors import Failed
from shop.demo.client import Client
from shop.order.executions import Executions
from shop.order.report import Way
from shop.output import command

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LOST = (
    "Executions are missing for a moment after the checkout, after an emulator restarted, and 90 days after their end."
)

EXAMPLE_ID = "01a21b1c-5763-7264-b177-92d8d3c26f45"
UNAUTHORIZED = "Put a token of the order's user, or of an admin, into SHOP_TOKEN."


@dataclass(frozen=True)
class Reservations:
    """Stock has no route for reservations, so this reads its table."""

    dynamodb: DynamoDBClient
    table: str

    def of(self, order_id: str) -> Mapping[str, Any] | None:
        row = self.dynamodb.get_item(TableName=self.table, Key={"orderId": {"S": order_id}}).get("Item")
        return {name: TypeDeserializer().deserialize(value) for name, value in row.items()} if row else None


@dataclass(frozen=True)
class Sources:
    """`urls` has the addresses of ordering and payment. `client_of` makes a client with a token of the user."""

    client_of: Callable[[str], Client]
    urls: Mapping[str, str]
    executions: Executions
    reservations: Reservations

    def way(self, order_id: str, user_name: str | None = None) -> Way:
        """Without `user_name` the executions name the user. Raises `Failed` if there is no such order."""
        executions = self.executions.of(order_id)
        user = user_name or next((execution.user_name for execution in executions), None)
        if not user:
            _refuse_other_than_id(order_id)
            raise Failed(f"No execution is named after order {order_id}. Name its user with `--user`. {LOST}")
        client, path = self.client_of(user), f"{quote(user, safe='')}/{order_id}"
        order = self._get(client, "ordering", f"/order/{path}")
        if order is None:
            raise Failed(
                f"{user} has no order {order_id}. `GET /order/{user}` lists those there are. An order that was just "
                f"checked out takes a moment; {command('dlq list')} shows those that were given up."
            )
        payment = self._get(client, "payment", f"/payment/{path}")
        return Way(order, executions, self.reservations.of(order_id), payment)

    def _get(self, client: Client, service: str, path: str) -> Mapping[str, Any] | None:
        answer = client.ask("GET", f"{self.urls[service]}{path}")
        if answer.status == 404:
            return None
        if answer.status != 200:
            advice = f" {UNAUTHORIZED}" if answer.status in (401, 403) else ""
            raise Failed(f"{service} answered {answer.status}: {answer.reason}.{advice}")
        return answer.body


def _refuse_other_than_id(order_id: str) -> None:
    try:
        UUID(order_id)
    except ValueError:
        raise Failed(f"{order_id} is no order ID. One looks like {EXAMPLE_ID}. `make demo` prints one.") from None
