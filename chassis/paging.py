"""Cursors of paged lists: where a DynamoDB query stopped, as text that only fits the list it came from."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from chassis.errors import Malformed

READ_ON = 500  # rows a call, once a filter has shown to leave few

Key = dict[str, Any]
T = TypeVar("T")


class Page(NamedTuple, Generic[T]):
    items: list[T]
    next_cursor: str | None


def read_page(
    query: Callable[..., Any], scope: str, key: Sequence[str], limit: int, cursor: str | None, **arguments: Any
) -> Page[dict[str, Any]]:
    """One page of `query` (a client's `query` or `scan`); `key` names the attributes that place a row in the list.

    One row more than asked is read, so a last page has no cursor, and on where a filter left too few, so no other page
    is short. Raises Malformed for a cursor of another list.
    """
    rows: list[dict[str, Any]] = []
    start = {} if cursor is None else {"ExclusiveStartKey": decode(cursor, scope, key)}
    answer = query(Limit=limit + 1, **arguments, **start)
    while len(rows := rows + answer["Items"]) <= limit and "LastEvaluatedKey" in answer:
        answer = query(Limit=READ_ON, **arguments, ExclusiveStartKey=answer["LastEvaluatedKey"])
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], encode({name: rows[limit - 1][name] for name in key}, scope))


def encode(key: Key, scope: str) -> str:
    text = json.dumps(key, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_seal(text, scope) + text).decode().rstrip("=")


def decode(cursor: str, scope: str, names: Sequence[str]) -> Key:
    """The key that `encode` was given for the same list; raises Malformed for any other text."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = json.loads(raw[8:])
        fits = encode(key, scope) == cursor and sorted(key) == sorted(names) and all(map(_is_text, key.values()))
    except (ValueError, TypeError, AttributeError, RecursionError):
        fits = False
    if not fits:
        raise Malformed("`cursor` is not one that this list gave out: take `nextCursor` of its last page.")
    return dict(key)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _seal(text: bytes, scope: str) -> bytes:
    """A checksum, not a signature: it catches mistakes, and a forged cursor shows nothing that the list does not."""
    return hashlib.sha256(scope.encode() + b"\0" + text).digest()[:8]
