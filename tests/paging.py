"""Reads all pages of a list."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask.testing import FlaskClient

from chassis.core.paging import Page

T = TypeVar("T")


def every_row(read: Callable[[str | None], Page[T]]) -> list[T]:
    """The rows of all pages. `read` gets the cursor of each page."""
    page = read(None)
    rows = list(page.items)
    while page.next_cursor is not None:
        page = read(page.next_cursor)
        assert page.items, "an empty page after a cursor"
        rows += page.items
    return rows


def every_item(client: FlaskClient, path: str, **query: str) -> list[dict[str, Any]]:
    """The items of all pages of a list over HTTP."""

    def read(cursor: str | None) -> Page[dict[str, Any]]:
        answer = client.get(path, query_string=query | ({"cursor": cursor} if cursor else {}))
        assert answer.status_code == 200
        return Page(answer.get_json()["items"], answer.get_json()["nextCursor"])

    return every_row(read)
