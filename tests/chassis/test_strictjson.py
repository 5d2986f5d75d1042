import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import strictjson

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\ufffe\uffff"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize("text", ['"1 Harbour\ufffe"', '"\uffff"', r'"a\ufffe"', r'"\uFFFF"', r'{"\uFfFe": 1}'])
def test_what_sqs_would_not_take_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no characters"):
        strictjson.loads(text)
    with pytest.raises(ValueError, match="no characters"):
        strictjson.loads(text.encode())


def test_every_other_character_comes_through() -> None:
    assert strictjson.loads(r'"\\ufffe \u0001"') == r"\ufffe" + " \x01"
    every = "".join(chr(n) for n in range(0x110000) if not 0xD800 <= n <= 0xDFFF and n not in {0xFFFE, 0xFFFF})
    assert strictjson.loads(json.dumps(every, ensure_ascii=False)) == every


@given(VALUES)
def test_every_json_value_comes_through(value: object) -> None:
    assert strictjson.loads(json.dumps(value)) == value
    assert strictjson.loads(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=0, max_value=10**12))
def test_a_number_with_a_point_is_exact(number: Decimal) -> None:
    assert strictjson.loads(str(number)) == number


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "-Infinity", "1e31", "1e-31", '{"a": 1, "a": 1}', "", "[1,]", "'a'"]
)
def test_what_is_not_json_or_beyond_reason_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        strictjson.loads(text)


def test_the_largest_reasonable_numbers_and_zero_are_taken() -> None:
    assert strictjson.loads("[1e30, 1e-30, 0.0, 0e99]") == [Decimal("1e30"), Decimal("1e-30"), 0, 0]
