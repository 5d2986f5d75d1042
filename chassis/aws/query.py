"""Reads a DynamoDB query or scan page by page. Rows, bytes and the number of calls per page are limited."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, TypeVar

import structlog
from botocore.exceptions import ClientError
from pydantic import ValidationError

from chassis.aws.errors import unavailable
from chassis.core import deadline
from chassis.core.paging import BadCursor, Page, Range, decode, encode
from chassis.core.validation import invalid_fields

GROWTH = 4  # a call reads at most this many times the rows read so far, because the next rows may be larger
MAX_ROWS = 500  # per call
MAX_CALLS = 8  # per page
RESERVE = 1.5  # seconds before the request's deadline at which reading stops

Row = dict[str, Any]
T = TypeVar("T")
log = structlog.stdlib.get_logger(__name__)


class SizeLimits(NamedTuple):
    """The maximum of a page as JSON, and the expected maximum of a row, both in bytes."""

    page: int = 256 * 1024  # sixteen concurrent requests must fit into a container of 256 MB
    row: int = 50 * 1024  # limits the rows of the first call, which must not exceed its time-out


DEFAULT_SIZES = SizeLimits()


def read_page(
    query: Callable[..., Any],
    scope: str,
    key: Sequence[str],
    limit: int,
    cursor: str | None,
    within: Range | None = None,
    sizes: SizeLimits = DEFAULT_SIZES,
    **arguments: Any,
) -> Page[Row]:
    """One page of `query`, which is a client's `query` or `scan`: at most `limit` rows and `sizes.page` bytes.

    `key` names the attributes that place a row in the list, `within` the values that the query allows for them. After
    MAX_CALLS, or when less than RESERVE is left, the page has the rows read so far, perhaps none, and a cursor. A row
    larger than `sizes.page` is a page of its own. Raises Malformed for a cursor of another list.
    """
    rows: list[Row] = []
    lengths: list[int] = []
    scanned = 0
    start = None if cursor is None else decode(cursor, scope, key, within)
    for call in range(MAX_CALLS):
        arguments |= {"Limit": _batch(limit + 1, sizes, scanned, lengths)}
        answer = _ask(query, arguments, start, trusted=call > 0)
        rows += answer["Items"]
        lengths += [len(json.dumps(row, default=str)) for row in answer["Items"]]
        scanned += answer.get("ScannedCount", len(answer["Items"]))
        start = answer.get("LastEvaluatedKey")
        if start is None or len(rows) > limit or sum(lengths) > sizes.page or deadline.remaining() < RESERVE:
            break
    fitting = max(1, sum(total <= sizes.page for total in accumulate(lengths)))
    if len(page := rows[: min(limit, fitting)]) < len(rows):
        start = {name: page[-1][name] for name in key}
    return Page(page, encode(start, scope) if start else None)


def every_page(scan: Callable[..., Any], **arguments: Any) -> Iterator[list[Row]]:
    """The pages of a whole table, read lazily. Raises Unavailable."""
    while True:
        with unavailable("DynamoDB"):
            page = scan(**arguments)
        yield page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def readable(page: Page[Row], key: Sequence[str], read: Callable[[Row], T]) -> Page[T]:
    """The page with each row converted by `read`. Rows that are not valid are logged by their key and left out."""
    items: list[T] = []
    for row in page.items:
        try:
            items.append(read(row))
        except ValidationError as error:
            row_key = {name: row[name] for name in key}
            log.error("row is not valid: left out of the page", key=row_key, fields=invalid_fields(error))  # noqa: TRY400
    return Page(items, page.next_cursor)


def _ask(query: Callable[..., Any], arguments: Row, start: Mapping[str, str] | None, *, trusted: bool) -> Any:
    """DynamoDB may reject the key of a forged cursor. Its own keys are `trusted`."""
    if start is None:
        return query(**arguments)
    try:
        return query(**arguments, ExclusiveStartKey=start)
    except ClientError as error:
        if trusted or error.response["Error"]["Code"] != "ValidationException":
            raise
        raise BadCursor from error


def _batch(wanted: int, sizes: SizeLimits, scanned: int, lengths: Sequence[int]) -> int:
    """The number of rows to scan next: as many as probably fill the page, judging by the rows scanned so far.

    `wanted` is one row more than the page holds, which shows whether another page follows.
    """
    if not scanned:
        return min(wanted, max(2, sizes.page // sizes.row))
    by_rows = -(-(wanted - len(lengths)) * scanned // max(1, len(lengths)))
    by_bytes = (sizes.page - sum(lengths)) * scanned // max(1, sum(lengths)) + 1
    return min(MAX_ROWS, GROWTH * scanned, by_rows, by_bytes)
