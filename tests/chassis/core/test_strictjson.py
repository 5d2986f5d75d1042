import json
import re
from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core import strictjson

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\ufffe\uffff"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)


@pytest.mark.parametrize("text", ['"1 Harbour\ufffe"', '"\uffff"', r'"a\ufffe"', r'"\uFFFF"', r'{"\uFfFe": 1}'])
def test_characters_that_sqs_rejects_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="not characters"):
        strictjson.loads(text)
    with pytest.raises(ValueError, match="not characters"):
        strictjson.loads(text.encode())


def test_every_other_character_is_accepted() -> None:
    assert strictjson.loads(r'"\\ufffe \u0001"') == r"\ufffe" + " \x01"
    every = "".join(chr(n) for n in range(0x110000) if not 0xD800 <= n <= 0xDFFF and n not in {0xFFFE, 0xFFFF})
    assert strictjson.loads(json.dumps(every, ensure_ascii=False)) == every


@given(VALUES)
def test_json_values_survive_a_round_trip(value: object) -> None:
    assert strictjson.loads(json.dumps(value)) == value
    assert strictjson.loads(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=0, max_value=10**12))
def test_decimal_numbers_are_exact(number: Decimal) -> None:
    assert strictjson.loads(str(number)) == number


@pytest.mark.parametrize(
    "text", ["NaN", "Infinity", "-Infinity", "1e31", "1e-31", '{"a": 1, "a": 1}', "", "[1,]", "'a'"]
)
def test_invalid_json_and_extreme_numbers_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        strictjson.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "1e1000000000000000000",  # Decimal raises InvalidOperation, which is not a ValueError
        "-1e99999999999999999999",
        "1e-99999999999999999999",
        "0." + "0" * 30 + "1",
    ],
)
def test_number_that_decimal_or_dynamodb_cannot_hold_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="10\\^30"):
        strictjson.loads(f'{{"n": {text}}}')


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("-0", "0"),
        ("-0.0", "0"),
        ("0e99999999999999999999", "0"),
        ("-0e-99999999999999999999", "0"),
        ("1." + "0" * 60, "1"),
        ("12.30", "12.3"),
        ("100e-2", "1"),
        ("0.000001e6", "1"),
        ("1" + "0" * 30, "1" + "0" * 30),
    ],
)
def test_equal_numbers_become_equal_values(text: str, plain: str) -> None:
    assert str(strictjson.loads(text)) == plain


def test_integer_with_too_many_digits_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="4300"):
        strictjson.loads("9" * 5000)


def test_long_integer_is_accepted_so_that_the_field_can_reject_it() -> None:
    assert strictjson.loads("1" + "0" * 60) == 10**60


def test_no_digit_is_lost() -> None:
    exact_double = "36.89999999999999857891452847979962825775146484375"  # Java: new BigDecimal(36.9)
    assert str(strictjson.loads(exact_double)) == exact_double


@given(st.integers(-(10**40), 10**40), st.integers(-40, 40), st.integers(0, 60))
def test_accepted_numbers_keep_their_value_without_trailing_zeros(digits: int, exponent: int, zeros: int) -> None:
    text = f"{digits}.{'0' * zeros}e{exponent}" if zeros else f"{digits}e{exponent}"
    number = Decimal(digits).scaleb(exponent, Context(prec=60))
    if number and abs(number.adjusted()) > strictjson.MAX_EXPONENT:
        with pytest.raises(ValueError, match="10"):
            strictjson.loads(text)
    else:
        taken = strictjson.loads(text)
        assert taken == number
        assert len(taken.as_tuple().digits) <= len(str(abs(digits)))


def test_numbers_up_to_the_limits_and_zero_are_accepted() -> None:
    assert strictjson.loads("[1e30, 1e-30, 0.0, 0e99]") == [Decimal("1e30"), Decimal("1e-30"), 0, 0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": 1,\n "b": 2,\n}', "Expecting property name enclosed in double quotes, line 3, column 1"),
        ('{"a": 1 "b": 2}', "Expecting ',' delimiter, line 1, column 9"),
        ('{"a": [1, NaN]}', "NaN is not valid JSON, line 1, column 11"),
        ('{"a": "NaN", "b": -Infinity}', "-Infinity is not valid JSON, line 1, column 19"),
        (
            '{"a": 1,\n\n  "b": {"c": 1, "a": 2},\n  "\\u0061": 3}',
            f"{strictjson.DUPLICATE_KEY}, line 4, column 3",
        ),
        ('{"": 1, "": 2}', f"{strictjson.DUPLICATE_KEY}, line 1, column 9"),
        ('{"a": "1e99", "b":\n1e99}', "number larger than 10^30 or closer to zero than 10^-30, line 2, column 1"),
        ('["\\"1e99", -1e-99]', "number larger than 10^30 or closer to zero than 10^-30, line 1, column 12"),
        ('{"a": "\uffff"}', "U+FFFE and U+FFFF are not characters, line 1, column 7"),
        ('{"a": "\\uffff"}', "U+FFFE and U+FFFF are not characters, line 1, column 7"),
        ('{"b": 1, "a\\ud800": 1}', "an unpaired surrogate is not a character, line 1, column 10"),
        ("[" + "9" * 5000 + "]", "number with more than 4300 digits, line 1, column 2"),
        ('\ufeff{"a": 1}', "Unexpected UTF-8 BOM, line 1, column 1"),
        ("[1, " + "9" * 5000 + "]", "line 1, column 5"),
    ],
)
def test_error_says_what_is_wrong_and_where(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        strictjson.loads(text)


@given(st.text(alphabet='{}[]",:\\u0dae1.-N \n', max_size=30))
def test_every_error_has_a_line_and_a_column(text: str) -> None:
    try:
        strictjson.loads(text)
    except ValueError as error:
        assert re.search(r", line [0-9]+, column [0-9]+$", str(error))  # noqa: PT017 most texts are refused, not all
