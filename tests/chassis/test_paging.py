from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import paging
from chassis.errors import Malformed
from tests import emulated
from tests.lists import every_row

KEYS = st.dictionaries(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=20), min_size=1, max_size=3)


class FakeTable:
    """Answers as DynamoDB does: at most `Limit` rows, at most `page` of them (its megabyte), and where it stopped,
    which it also tells if `Limit` ends at the last row."""

    def __init__(self, count: int, page: int = 10**6) -> None:
        self.rows = [{"id": f"{n:05}", "value": n} for n in range(count)]
        self.page = page

    def query(self, *, Limit: int, ExclusiveStartKey: dict[str, Any] | None = None) -> Any:  # noqa: N803 AWS's names
        start = int(ExclusiveStartKey["id"]) + 1 if ExclusiveStartKey else 0
        rows = self.rows[start : start + min(Limit, self.page)]
        more = start + len(rows) < len(self.rows) or len(rows) == Limit
        return {"Items": rows} | ({"LastEvaluatedKey": {"id": rows[-1]["id"]}} if more else {})


@given(KEYS, st.text(max_size=20))
def test_a_cursor_comes_back_as_the_key_it_was_made_of(key: dict[str, str], scope: str) -> None:
    assert paging.decode(paging.encode(key, scope), scope, [*key]) == key


@given(KEYS, st.data())
def test_a_cursor_with_any_one_character_changed_is_malformed(key: dict[str, str], data: st.DataObject) -> None:
    cursor = paging.encode(key, "list")
    place = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.sampled_from("ABCabc019-_=é ").filter(lambda letter: letter != cursor[place]))
    with pytest.raises(Malformed):
        paging.decode(cursor[:place] + other + cursor[place + 1 :], "list", [*key])


@given(st.text(max_size=60))
def test_no_other_text_is_a_cursor(text: str) -> None:
    with pytest.raises(Malformed):
        paging.decode(text, "list", ["id"])


@pytest.mark.parametrize("key", [{}, {"other": "1"}, {"id": 1}, {"id": ""}, {"id": "1", "more": "2"}, [], "id", 3])
def test_a_cursor_that_someone_sealed_around_another_key_is_malformed(key: Any) -> None:
    with pytest.raises(Malformed):
        paging.decode(paging.encode(key, "list"), "list", ["id"])


def test_a_cursor_of_another_list_is_malformed() -> None:
    with pytest.raises(Malformed):
        paging.decode(paging.encode({"id": "1"}, "user/ann"), "user/bob", ["id"])


@pytest.mark.parametrize("page", [1, 7, 10**6])
@pytest.mark.parametrize("limit", [1, 7, 100])
@pytest.mark.parametrize("count", [0, 1, 7, 1000])
def test_paging_sees_every_row_once(count: int, limit: int, page: int) -> None:
    table = FakeTable(count, page)

    def read(cursor: str | None) -> paging.Page[dict[str, Any]]:
        read = paging.read_page(table.query, "list", ["id"], limit, cursor)
        assert len(read.items) <= limit
        return read

    assert every_row(read) == table.rows


def test_a_last_page_that_is_full_has_no_cursor() -> None:
    assert paging.read_page(FakeTable(5).query, "list", ["id"], 5, None).next_cursor is None


@pytest.mark.integration
def test_a_thousand_rows_of_a_real_table_are_each_seen_once(stack: dict[str, str]) -> None:
    resource = emulated.resource("dynamodb")
    with resource.Table("shop-product").batch_writer() as batch:
        for n in range(1000):
            batch.put_item({"id": str(n), "category": "c"})
    scan = resource.meta.client.scan
    rows = every_row(lambda cursor: paging.read_page(scan, "x", ["id"], 30, cursor, TableName="shop-product"))
    assert sorted(row["id"] for row in rows) == sorted(map(str, range(1000)))
