"""Reads several rows of a table at once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chassis.core import deadline
from chassis.core.errors import Refused

MAX_KEYS = 100  # per call ("BatchGetItem", Amazon DynamoDB API Reference)
MAX_ATTEMPTS = 2


def rows(dynamodb: Any, table: str, keys: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Those of the rows that exist, in any sequence, each read consistently. The keys must be distinct.

    Raises Refused if the table is too busy.
    """
    for start in range(0, len(keys), MAX_KEYS):
        yield from _batch(dynamodb, table, keys[start : start + MAX_KEYS])


def _batch(dynamodb: Any, table: str, keys: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """A busy table may return only some of the rows. The others are requested once more."""
    wanted: Any = {"Keys": keys, "ConsistentRead": True}
    for attempt in deadline.attempts(pause=deadline.LONGEST_PAUSE):
        answer = dynamodb.batch_get_item(RequestItems={table: wanted})
        yield from answer["Responses"].get(table, [])
        wanted = answer["UnprocessedKeys"].get(table)
        if not wanted:
            return
        if attempt + 1 == MAX_ATTEMPTS:
            raise Refused("DynamoDB is too busy.")
