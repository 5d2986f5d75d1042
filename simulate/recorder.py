"""Plays AWS for the services' own code, and counts what they ask of it."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

INDEX = "openShard"  # the key of ordering's index, which is written when an order gets or loses it
KILOBYTE = 1024
Calls = Counter[tuple[str, str]]  # by operation and table, if there is one


class Recorder:
    """Plays DynamoDB, EventBridge, SQS and Step Functions. Keeps rows and forgets updates.

    A write takes one unit for each kilobyte of its row, and two in a transaction. A consistent read takes one for each
    four ("DynamoDB read and write operations", Amazon DynamoDB Developer Guide).
    """

    def __init__(self) -> None:
        self.calls: Calls = Counter()
        self.reads: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()
        self.events: list[dict[str, str]] = []
        self.execution: dict[str, Any] = {}
        self._rows: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def of(self, *_: object) -> "Recorder":
        """The client of any service, as `Clients.of`."""
        return self

    def seed(self, table: str, row: Mapping[str, Any]) -> None:
        self._rows[table].insert(0, dict(row))

    def get_item(self, *, TableName: str, Key: dict[str, Any], **_: Any) -> Any:  # noqa: N803 AWS's names here and below
        found = self._read("GetItem", TableName, [Key])
        return {"Item": found[0]} if found else {}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Any:  # noqa: N803
        [(table, wanted)] = RequestItems.items()
        return {"Responses": {table: self._read("BatchGetItem", table, wanted["Keys"])}, "UnprocessedKeys": {}}

    def put_item(self, **put: Any) -> Any:
        self._count("PutItem", put["TableName"])
        self._write("Put", put, 1)
        return {}

    def update_item(self, **update: Any) -> Any:
        self._count("UpdateItem", update["TableName"])
        self._write("Update", update, 1)
        return {"Attributes": self._find(update["TableName"], update["Key"])}

    def delete_item(self, **delete: Any) -> Any:
        self._count("DeleteItem", delete["TableName"])
        self._write("Delete", delete, 1)
        return {}

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]], **_: Any) -> Any:  # noqa: N803
        self.calls["TransactWriteItems", ""] += 1
        for action in TransactItems:
            [(kind, write)] = action.items()
            self._write(kind, write, 2)

    def describe_table(self, **_: Any) -> Any:
        """Once in the life of a process, so not counted."""
        return {"Table": {"TableArn": "arn:aws:dynamodb:us-east-1:000000000000:table/shop-order"}}

    def put_events(self, *, Entries: list[dict[str, str]]) -> Any:  # noqa: N803
        self.calls["PutEvents", ""] += 1
        self.events += Entries
        return {"Entries": [{"EventId": "1"} for _ in Entries]}

    def start_execution(self, *, input: str, **_: Any) -> Any:  # noqa: A002
        self.calls["StartExecution", ""] += 1
        self.execution = json.loads(input)

    def describe_execution(self, **_: Any) -> Any:
        self.calls["DescribeExecution", ""] += 1
        return {"status": "FAILED"}

    def send_task_success(self, **_: Any) -> Any:
        self.calls["SendTaskSuccess", ""] += 1

    def send_task_failure(self, *, error: str, cause: str, **_: Any) -> Any:
        raise AssertionError(f"the order must be confirmed: {error}, {cause}")

    def _read(self, call: str, table: str, keys: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self._count(call, table)
        rows = [self._find(table, key) for key in keys]
        self.reads[_short(table)] += sum(max(1, math.ceil(_size(row) / KILOBYTE / 4)) for row in rows)
        return [row for row in rows if row]

    def _write(self, kind: str, write: Mapping[str, Any], times: int) -> None:
        table = write["TableName"]
        row = write["Item"] if kind == "Put" else self._find(table, write["Key"])
        self.writes[_short(table)] += times * max(1, math.ceil(_size(row) / KILOBYTE))
        if INDEX in (row if kind == "Put" else write.get("UpdateExpression", "").split()):
            self.writes[f"{_short(table)} index"] += 1
        if kind == "Put":
            self.seed(table, row)

    def _find(self, table: str, key: Mapping[str, Any]) -> dict[str, Any]:
        rows = self._rows[table]
        return next((row for row in rows if all(row.get(name) == value for name, value in key.items())), {})

    def _count(self, call: str, table: str) -> None:
        self.calls[call, _short(table)] += 1


def _short(table: str) -> str:
    return table.partition("-")[2]


def _size(value: Any) -> int:
    """Bytes ("DynamoDB item sizes and formats", Amazon DynamoDB Developer Guide)."""
    if isinstance(value, dict):
        return 3 + sum(1 + len(name) + _size(each) for name, each in value.items())
    if isinstance(value, list):
        return 3 + sum(1 + _size(each) for each in value)
    if isinstance(value, bool) or value is None:
        return 1
    if isinstance(value, int | Decimal):
        return math.ceil(len(Decimal(value).as_tuple().digits) / 2) + 1
    return len(str(value).encode())
