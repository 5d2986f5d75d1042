import json
from collections.abc import Callable, Sequence
from itertools import accumulate, chain
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from chassis.aws import query
from chassis.aws.query import DEFAULT_SIZES, GROWTH, MAX_CALLS, SizeLimits, read_page
from chassis.core import deadline, paging
from chassis.core.errors import Malformed
from tests import aws_clients
from tests.bootstrap.fakes import client_error
from tests.paging import every_row

MEGABYTE = 2**20
FIRST = DEFAULT_SIZES.page // DEFAULT_SIZES.row


class FakeTable:
    """Scans as DynamoDB does: at most `Limit` rows and `page` bytes, then the filter. It returns a last key even if
    `Limit` ends at the last row."""

    def __init__(
        self, sizes: Sequence[int], page: int = MEGABYTE, keep: Callable[[int], bool] = lambda _: True
    ) -> None:
        self.rows = [{"id": f"{n:05}", "text": "x" * max(0, size - 31)} for n, size in enumerate(sizes)]
        self.page = page
        self.keep = keep
        self.limits: list[int] = []

    @property
    def kept(self) -> list[dict[str, str]]:
        return [row for n, row in enumerate(self.rows) if self.keep(n)]

    def query(self, *, Limit: int, ExclusiveStartKey: dict[str, Any] | None = None) -> Any:  # noqa: N803 AWS's names
        self.limits.append(Limit)
        start = int(ExclusiveStartKey["id"]) + 1 if ExclusiveStartKey else 0
        within = sum(total <= self.page for total in accumulate(map(size, self.rows[start : start + Limit])))
        end = start + min(Limit, max(within, 1))
        rows = self.rows[start:end]
        more = end < len(self.rows) or len(rows) == Limit
        items = [row for n, row in enumerate(rows, start) if self.keep(n)]
        return {"Items": items, "ScannedCount": len(rows)} | (
            {"LastEvaluatedKey": {"id": rows[-1]["id"]}} if more else {}
        )

    def read(self, cursor: str | None = None, limit: int = 100) -> paging.Page[dict[str, Any]]:
        return read_page(self.query, "list", ["id"], limit, cursor)

    def pages(self, limit: int = 100) -> list[list[dict[str, Any]]]:
        """All pages, including empty ones."""
        page = self.read(None, limit)
        pages = [page.items]
        while page.next_cursor:
            page = self.read(page.next_cursor, limit)
            pages.append(page.items)
        return pages


def size(row: dict[str, Any]) -> int:
    return len(json.dumps(row))


@pytest.mark.parametrize("page", [1, 300, MEGABYTE])
@pytest.mark.parametrize("limit", [1, 7, 100])
@pytest.mark.parametrize("count", [0, 1, 7, 1000])
def test_pages_contain_every_row_once(count: int, limit: int, page: int) -> None:
    table = FakeTable([50] * count, page)

    def read(cursor: str | None) -> paging.Page[dict[str, Any]]:
        read = table.read(cursor, limit)
        assert len(read.items) <= limit
        return read

    assert every_row(read) == table.rows


def test_full_last_page_has_no_cursor() -> None:
    assert FakeTable([50] * 5).read(limit=5).next_cursor is None


def test_page_of_small_rows_has_the_requested_length() -> None:
    table = FakeTable([400] * 1000)
    assert [len(table.read(limit=limit).items) for limit in (1, 20, 100)] == [1, 20, 100]


@given(st.lists(st.integers(31, 300_000), max_size=40))
def test_page_over_the_size_limit_has_a_single_row(sizes: list[int]) -> None:
    table = FakeTable(sizes)
    pages = table.pages()
    assert [row for page in pages for row in page] == table.rows
    assert [page for page in pages if len(page) > 1 and sum(map(size, page)) > DEFAULT_SIZES.page] == []


def test_page_of_large_rows_is_filled_to_the_size_limit() -> None:
    assert [len(page) for page in FakeTable([30_000] * 20).pages()] == [8, 8, 4]


def test_number_of_rows_per_call_grows_slowly() -> None:
    table = FakeTable([50] * 200)
    table.read(limit=100)
    assert table.limits[0] == FIRST
    assert all(rows <= GROWTH * sum(table.limits[:n]) for n, rows in enumerate(table.limits) if n)
    table.read(limit=1)
    assert table.limits[-1] == 2


def test_first_call_reads_one_row_more_than_fits_a_small_page() -> None:
    table = FakeTable([50_000] * 3)
    page = read_page(table.query, "list", ["id"], 100, None, sizes=SizeLimits(page=64 * 1024))
    assert (page.items, table.limits) == (table.rows[:1], [2])


def test_first_call_reads_the_whole_page_if_the_row_limit_is_small() -> None:
    table = FakeTable([10_000] * 30)
    page = read_page(table.query, "list", ["id"], 20, None, sizes=SizeLimits(row=12 * 1024))
    assert (page.items, table.limits) == (table.rows[:20], [21])


def test_next_call_reads_as_many_rows_as_fit_the_remaining_bytes() -> None:
    table = FakeTable([40_000] * 50)
    table.read(limit=100)
    assert table.limits == [5, 2]


def test_filter_that_drops_all_rows_ends_the_page_with_a_cursor() -> None:
    table = FakeTable([100] * 9000, keep=lambda n: n == 8999)
    first = table.read()
    assert (first.items, len(table.limits)) == ([], MAX_CALLS)
    assert first.next_cursor is not None
    assert [*chain.from_iterable(table.pages())] == table.kept


def test_filter_that_keeps_a_tenth_of_the_rows_still_fills_a_page() -> None:
    table = FakeTable([100] * 9000, keep=lambda n: n % 10 == 0)
    assert table.read(limit=100).items == table.kept[:100]


@given(st.sets(st.integers(0, 99)), st.integers(1, 5))
def test_filter_loses_no_row(kept: set[int], limit: int) -> None:
    table = FakeTable([60] * 100, keep=kept.__contains__)
    assert [*chain.from_iterable(table.pages(limit))] == table.kept


def test_page_ends_early_near_the_deadline() -> None:
    table = FakeTable([50] * 1000)
    deadline.start(query.RESERVE / 2)
    page = table.read(limit=100)
    assert (page.items, table.limits) == (table.rows[:FIRST], [FIRST])
    assert page.next_cursor is not None


def test_start_key_that_dynamodb_rejects_is_a_bad_cursor() -> None:
    def refuse(**_: Any) -> None:
        raise client_error("ValidationException", "The provided starting key is outside query boundaries")

    cursor = paging.encode({"id": "1"}, "list")
    with pytest.raises(Malformed):
        read_page(refuse, "list", ["id"], 1, cursor)
    with pytest.raises(ClientError):
        read_page(refuse, "list", ["id"], 1, None)


def test_other_dynamodb_errors_pass_unchanged() -> None:
    def fail(**asked: Any) -> Any:
        if asked.get("ExclusiveStartKey") == {"id": "2"}:
            raise client_error("ValidationException", "not of the client's key")
        if asked.get("ExclusiveStartKey") == {"id": "3"}:
            raise client_error("InternalServerError")
        return {"Items": [], "LastEvaluatedKey": {"id": "2"}}

    for place in ("1", "3"):
        with pytest.raises(ClientError):
            read_page(fail, "list", ["id"], 1, paging.encode({"id": place}, "list"))


def test_cursor_outside_the_query_is_rejected_without_a_call() -> None:
    cursor = paging.encode({"user": "bob"}, "list")
    with pytest.raises(Malformed):
        read_page(pytest.fail, "list", ["user"], 1, cursor, {"user": ("ann", "ann")})


@pytest.mark.integration
def test_pages_of_a_real_table_contain_every_row_once(stack: dict[str, str]) -> None:
    resource = aws_clients.resource("dynamodb")
    with resource.Table("shop-product").batch_writer() as batch:
        for n in range(1000):
            batch.put_item({"id": str(n), "category": "c"})
    scan = resource.meta.client.scan
    rows = every_row(lambda cursor: read_page(scan, "x", ["id"], 30, cursor, TableName="shop-product"))
    assert sorted(row["id"] for row in rows) == sorted(map(str, range(1000)))
