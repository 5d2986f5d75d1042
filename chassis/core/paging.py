"""Pages of a list, and their cursors: where a DynamoDB query stopped, as text that only fits the list it came from."""

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
    """Some rows of a list. It may be short, or empty: only a page without `next_cursor` is the last one."""

    items: list[T]
    next_cursor: str | None


class BadCursor(Malformed):
    def __init__(self) -> None:
        super().__init__("`cursor` is not one that this list returned: take `nextCursor` of its last page.")


def encode(key: Key, scope: str) -> str:
    text = json.dumps(key, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_seal(text, scope) + text).decode().rstrip("=")


def decode(cursor: str, scope: str, names: Sequence[str], within: Range | None = None) -> Key:
    """The key that `encode` was given for the same list; raises BadCursor for any other text.

    `within` has the first and the last value that the list's query allows for an attribute, both included.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = json.loads(raw[8:])
        fits = encode(key, scope) == cursor and sorted(key) == sorted(names)
        fits = fits and all(_is_possible(value, (within or {}).get(name)) for name, value in key.items())
    except (ValueError, TypeError, AttributeError, RecursionError):
        fits = False
    if not fits:
        raise BadCursor
    return dict(key)


def _is_possible(value: object, allowed: tuple[str, str] | None) -> bool:
    """Anybody can seal a cursor: its key has to lie within the query, and control characters are in no other key."""
    if not isinstance(value, str) or value == "":
        return False
    first, last = allowed or (value, value)
    return first <= value <= last and (value.isprintable() or allowed == (value, value))


def _seal(text: bytes, scope: str) -> bytes:
    """A checksum, not a signature: it catches mistakes, and a forged cursor shows nothing that the list does not."""
    return hashlib.sha256(scope.encode() + b"\0" + text).digest()[:8]
