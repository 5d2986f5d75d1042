"""Reads JSON strictly (RFC 8259) and numbers exactly: no NaN, no duplicate keys, no number beyond 10^30."""

import json
import re
import sys
from decimal import Context, Decimal, InvalidOperation, Overflow, Subnormal
from typing import Any

# JSON allows these characters, but SQS rejects a message that contains one ("SendMessage", Amazon SQS API Reference).
# A dead-letter queue would reject it too, so the event would be lost. JSON escapes characters below U+0020.
NOT_FOR_SQS = re.compile("[\ufffe\uffff]")
MAX_EXPONENT = 30  # 1E+999999999 is valid JSON, but as an integer it takes a gigabyte

DUPLICATE_KEY = "duplicate key in an object"
PLAIN = re.compile(r'"[ !#-\[\]-~]*"')
# Matches every token that may be invalid. Short numbers without an exponent are always valid.
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"(?P<key>\s*:)?|[{}]|-?(?:NaN|Infinity|[0-9.]+[eE][0-9+-]+|[0-9.]{30,})')


def loads(text: str | bytes) -> Any:
    """Numbers are exact: int without point or exponent, otherwise Decimal without trailing zeros.

    Raises ValueError, which says what is wrong and where but repeats nothing of `text`. Raises RecursionError for
    deeply nested lists or objects.
    """
    decoded = text.decode() if isinstance(text, bytes) else text
    try:
        return _checked(decoded)
    except json.JSONDecodeError as error:
        fault = error.msg.partition(" (decode")[0]  # the rest is advice for Python programmers
        raise ValueError(f"{fault}, {_place(decoded, error.pos)}") from None
    except ValueError as error:
        position, fault = _find(decoded, error)
        raise ValueError(f"{fault}, {_place(decoded, position)}") from None


def _checked(text: str) -> Any:
    hooks: Any = {"parse_int": _whole, "parse_float": _exact, "parse_constant": _refuse, "object_pairs_hook": _unique}
    value = json.loads(text, **hooks)
    _check_characters(json.dumps(value, ensure_ascii=False, default=str) if "\\u" in text else text)
    return value


def _find(text: str, error: ValueError) -> tuple[int, str]:
    """The position and description of the first fault. Python's parser does not tell its hooks the position."""
    keys: list[set[str]] = []
    for token in TOKEN.finditer(text):
        word = token[0].removesuffix(token["key"] or "")
        try:
            if word == "{":
                keys.append(set())
            elif word == "}":
                keys.pop()
            else:
                value = word[1:-1] if PLAIN.fullmatch(word) else _checked(word)
                if token["key"] and value in keys[-1]:
                    return token.start(), DUPLICATE_KEY
                if token["key"]:
                    keys[-1].add(value)
        except ValueError as fault:
            return token.start(), str(fault)
    return len(text), str(error)


def _place(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return f"line {line}, column {column}"


def _check_characters(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("an unpaired surrogate is not a character") from None
    if NOT_FOR_SQS.search(text):
        raise ValueError("U+FFFE and U+FFFF are not characters")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # parsing time grows with the square of the number of digits
        raise ValueError(f"number with more than {sys.get_int_max_str_digits()} digits") from None


def _exact(text: str) -> Decimal:
    """Removes trailing zeros, which DynamoDB counts as digits, and the sign of a zero."""
    context = Context(len(text), None, -MAX_EXPONENT, MAX_EXPONENT, traps=[InvalidOperation, Overflow, Subnormal])
    try:
        return context.create_decimal(text).normalize(context) or Decimal()
    except ArithmeticError as error:
        raise ValueError("number larger than 10^30 or closer to zero than 10^-30") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not valid JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(members := dict(pairs)) != len(pairs):
        raise ValueError(DUPLICATE_KEY)
    return members
