from typing import Any

import pytest

from chassis.aws import batches
from chassis.core.errors import Refused


class Table:
    """Reads at most `most` rows per call. Keys of missing rows are even."""

    def __init__(self, most: int = 100) -> None:
        self.calls: list[int] = []
        self._most = most

    def batch_get_item(self, *, RequestItems: Any) -> Any:  # noqa: N803 DynamoDB's name
        wanted = RequestItems["things"]
        assert wanted["ConsistentRead"]
        assert len(wanted["Keys"]) <= 100
        self.calls.append(len(wanted["Keys"]))
        read, left = wanted["Keys"][: self._most], wanted["Keys"][self._most :]
        found = [{**key, "name": "thing"} for key in read if key["id"] % 2]
        return {
            "Responses": {"things": found},
            "UnprocessedKeys": {"things": wanted | {"Keys": left}} if left else {},
        }


def read(table: Table, count: int) -> list[int]:
    return [row["id"] for row in batches.rows(table, "things", [{"id": n} for n in range(count)])]


def test_existing_rows_are_read_in_calls_of_at_most_a_hundred_keys() -> None:
    table = Table()
    assert read(table, 230) == list(range(1, 230, 2))
    assert table.calls == [100, 100, 30]


def test_no_keys_need_no_call() -> None:
    table = Table()
    assert (read(table, 0), table.calls) == ([], [])


def test_rows_that_a_busy_table_left_out_are_requested_once_more() -> None:
    table = Table(most=60)
    assert read(table, 100) == list(range(1, 100, 2))
    assert table.calls == [100, 40]


def test_table_that_stays_busy_refuses() -> None:
    with pytest.raises(Refused):
        read(Table(most=40), 100)
