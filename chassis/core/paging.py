"""Pages of a list and their cursors. A cursor is the key where a query stopped, as text that is valid for its list."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from chassis.core.errors import Malformed

Key = dict[str, str]
Range = Mapping[str, tuple[str, str]]
T = TypeVar("T")


class Page(NamedTuple, Generic[T]):
    """A part of a list. It may be shorter than asked for, or empty. Only a page without `next_cursor` is the last."""

    items: list[T]
    next_cursor: str | None


class BadCursor(Malformed):
    def __init__(self) -> None:
        super().__init__("`cursor` is not valid for this list. Send the `nextCursor` of the previous page.")


def encode(key: Key, scope: str) -> str:
    text = json.dumps(key, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_checksum(text, scope) + text).decode().rstrip("=")


def decode(cursor: str, scope: str, names: Sequence[str], within: Range | None = None) -> Key:
    """The key that was encoded for the same list. Raises BadCursor for any other text.

    `within` gives the first and the last value that the query allows for an attribute, both included.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = json.loads(raw[8:])
        valid = encode(key, scope) == cursor and sorted(key) == sorted(names)
        valid = valid and all(_is_possible(value, (within or {}).get(name)) for name, value in key.items())
    except (ValueError, TypeError, AttributeError, RecursionError):
        valid = False
    if not valid:
        raise BadCursor
    return dict(key)


def _is_possible(value: object, allowed: tuple[str, str] | None) -> bool:
    """A client can forge a checksum, so the key must lie within the query. Stored keys have no control characters."""
    if not isinstance(value, str) or value == "":
        return False
    first, last = allowed or (value, value)
    return first <= value <= last and (value.isprintable() or allowed == (value, value))


def _checksum(text: bytes, scope: str) -> bytes:
    """Detects mistakes. It is no signature: a forged cursor reveals nothing that the list does not."""
    return hashlib.sha256(scope.encode() + b"\0" + text).digest()[:8]
