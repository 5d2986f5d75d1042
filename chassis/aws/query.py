"""Reads a DynamoDB query or scan page by page. A page is bounded in rows, in bytes and in what it costs to read."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple, TypeVar

import structlog
from botocore.exceptions import ClientError
from pydantic import ValidationError

from chassis.aws.clients import unavailable
from chassis.core import deadline
from chassis.core.paging import BadCursor, Page, Range, decode, encode

GROWTH = 4  # times as many rows as were read so far, at most: the next rows may be larger
MOST = 500  # rows a call, however small they are
CALLS = 8
RESERVE = 1.5  # seconds of the request's deadline, for what follows the reading

Row = dict[str, Any]
T = TypeVar("T")
log = structlog.stdlib.get_logger(__name__)


class Sizes(NamedTuple):
    """Bytes: a page's rows as JSON at most, and the largest row, by which the first call of a page is bounded."""

    page: int = 256 * 1024  # sixteen requests at once have to fit into a container of 256 MB
    row: int = 50 * 1024  # no call may outlast its time-out


DEFAULT = Sizes()


def read_page(
    query: Callable[..., Any],
    scope: str,
    key: Sequence[str],
    limit: int,
    cursor: str | None,
    within: Range | None = None,
    sizes: Sizes = DEFAULT,
    **arguments: Any,
) -> Page[Row]:
    """One page of `query` (a client's `query` or `scan`): at most `limit` rows and `sizes.page`, but at least one row.

    `key` names the attributes that place a row in the list, `within` the values that the query allows for them. After
    CALLS, or when only RESERVE is left, the page ends as it is, perhaps empty, with a cursor. Raises Malformed for a
    cursor of another list.
    """
    rows: list[Row] = []
    lengths: list[int] = []
    scanned = 0
    start = None if cursor is None else decode(cursor, scope, key, within)
    for call in range(CALLS):
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
    """The pages of a whole table, each read when it is asked for; raises Unavailable."""
    while True:
        with unavailable("DynamoDB"):
            page = scan(**arguments)
        yield page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        arguments["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def readable(page: Page[Row], key: Sequence[str], read: Callable[[Row], T]) -> Page[T]:
    """`page` without the rows that `read` refuses: each of them is logged by its key, and hides no other row."""
    items: list[T] = []
    for row in page.items:
        try:
            items.append(read(row))
        except ValidationError as error:
            where, fields = {name: row[name] for name in key}, [e["loc"] for e in error.errors()]
            log.error("row left out: it cannot be read", key=where, fields=fields)  # noqa: TRY400 says it all
    return Page(items, page.next_cursor)


def _ask(query: Callable[..., Any], arguments: Row, start: Mapping[str, str] | None, *, trusted: bool) -> Any:
    """Anybody can seal a cursor around a key that DynamoDB refuses; only its own keys are `trusted`."""
    if start is None:
        return query(**arguments)
    try:
        return query(**arguments, ExclusiveStartKey=start)
    except ClientError as error:
        if trusted or error.response["Error"]["Code"] != "ValidationException":
            raise
        raise BadCursor from error


def _batch(wanted: int, sizes: Sizes, scanned: int, lengths: Sequence[int]) -> int:
    """How many rows to scan: as many as are likely to fill the page, going by those that were scanned.

    One row more than the page holds is wanted: it tells whether another page follows.
    """
    if not scanned:
        return min(wanted, max(2, sizes.page // sizes.row))
    by_rows = -(-(wanted - len(lengths)) * scanned // max(1, len(lengths)))
    by_bytes = (sizes.page - sum(lengths)) * scanned // max(1, sum(lengths)) + 1
    return min(MOST, GROWTH * scanned, by_rows, by_bytes)
