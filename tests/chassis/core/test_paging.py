import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core import paging
from chassis.core.errors import Malformed

TEXTS = st.text(min_size=1, max_size=20).filter(str.isprintable)  # keys as rows have them
KEYS = st.dictionaries(st.text(min_size=1, max_size=8), TEXTS, min_size=1, max_size=3)


@given(KEYS, st.text(max_size=20))
def test_cursor_decodes_to_its_key(key: dict[str, str], scope: str) -> None:
    assert paging.decode(paging.encode(key, scope), scope, [*key]) == key


@given(KEYS, st.data())
def test_cursor_with_one_changed_character_is_malformed(key: dict[str, str], data: st.DataObject) -> None:
    cursor = paging.encode(key, "list")
    place = data.draw(st.integers(0, len(cursor) - 1))
    other = data.draw(st.sampled_from("ABCabc019-_=é ").filter(lambda letter: letter != cursor[place]))
    with pytest.raises(Malformed):
        paging.decode(cursor[:place] + other + cursor[place + 1 :], "list", [*key])


@given(st.text(max_size=60))
def test_other_text_is_not_a_cursor(text: str) -> None:
    with pytest.raises(Malformed):
        paging.decode(text, "list", ["id"])


@pytest.mark.parametrize("key", [{}, {"other": "1"}, {"id": 1}, {"id": ""}, {"id": "1", "more": "2"}, [], "id", 3])
def test_forged_cursor_with_another_key_is_malformed(key: Any) -> None:
    with pytest.raises(Malformed):
        paging.decode(paging.encode(key, "list"), "list", ["id"])


def test_cursor_of_another_list_is_malformed() -> None:
    with pytest.raises(Malformed):
        paging.decode(paging.encode({"id": "1"}, "user/ann"), "user/bob", ["id"])


@pytest.mark.parametrize("value", ["amy", "bob", "\x00", "ann\x00", ""])
def test_forged_cursor_outside_the_query_is_malformed(value: str) -> None:
    with pytest.raises(Malformed):
        paging.decode(paging.encode({"user": value}, "list"), "list", ["user"], {"user": ("ann", "ann")})


@pytest.mark.parametrize("value", ["2026-01", "2026-11", "2026-06\x00", "2026-06\u2028"])
def test_cursor_within_the_range_must_be_printable(value: str) -> None:
    cursor, within = paging.encode({"date": value}, "list"), {"date": ("2026-01", "2026-11")}
    if value.isprintable():
        assert paging.decode(cursor, "list", ["date"], within) == {"date": value}
        return
    with pytest.raises(Malformed):
        paging.decode(cursor, "list", ["date"], within)


def test_cursor_may_have_control_characters_of_the_query_itself() -> None:
    cursor = paging.encode({"category": "a\x00b"}, "list")
    assert paging.decode(cursor, "list", ["category"], {"category": ("a\x00b", "a\x00b")}) == {"category": "a\x00b"}


@pytest.mark.parametrize("value", ['"\\ud800"', '"a\\udfff"', '"\\u0000"', "1", "null", "[]", '{"a":1}', "true"])
def test_forged_cursor_without_text_is_malformed(value: str) -> None:
    text = f'{{"id":{value}}}'.encode()
    cursor = base64.urlsafe_b64encode(paging._checksum(text, "list") + text).decode().rstrip("=")
    with pytest.raises(Malformed):
        paging.decode(cursor, "list", ["id"])
