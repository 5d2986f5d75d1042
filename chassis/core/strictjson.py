"""JSON as RFC 8259 has it, and numbers exact: no NaN, no duplicate keys, no number beyond 10^30."""

import json
import re
import sys
from decimal import Context, Decimal, InvalidOperation, Overflow, Subnormal
from typing import Any

# JSON allows them, but SQS refuses a message with one ("SendMessage", Amazon SQS API Reference), and a dead-letter
# queue is SQS too: an event with one would vanish on its way. Characters below U+0020 pass, for JSON escapes them.
NOT_FOR_SQS = re.compile("[\ufffe\uffff]")
MAX_EXPONENT = 30  # 1E+999999999 is a legal JSON number, and an integer of a gigabyte

TWICE = "a key is there twice in one object"
PLAIN = re.compile(r'"[ !#-\[\]-~]*"')
# All that can be a fault: short numbers without an exponent cannot.
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"(?P<key>\s*:)?|[{}]|-?(?:NaN|Infinity|[0-9.]+[eE][0-9+-]+|[0-9.]{30,})')


def loads(text: str | bytes) -> Any:
    """Numbers are exact, and equal ones become the same: int without point or exponent, else Decimal without zeros.

    Raises ValueError, which says what is wrong and where but repeats nothing of `text`, or RecursionError, for a body
    of brackets.
    """
    decoded = text.decode() if isinstance(text, bytes) else text
    try:
        return _checked(decoded)
    except json.JSONDecodeError as error:
        fault = error.msg.partition(" (decode")[0]  # the rest is advice for Python's programmers
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
    """The place of the first fault and its name, for neither Python's parser nor its hooks know a place."""
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
                    return token.start(), TWICE
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
        raise ValueError("half a surrogate pair is no character") from None
    if NOT_FOR_SQS.search(text):
        raise ValueError("U+FFFE and U+FFFF are no characters")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # the time it takes to read a number grows with the square of its digits
        raise ValueError(f"number with more than {sys.get_int_max_str_digits()} digits") from None


def _exact(text: str) -> Decimal:
    """Without trailing zeros, which DynamoDB would count as digits, and without the sign of a zero."""
    context = Context(len(text), None, -MAX_EXPONENT, MAX_EXPONENT, traps=[InvalidOperation, Overflow, Subnormal])
    try:
        return context.create_decimal(text).normalize(context) or Decimal()
    except ArithmeticError as error:
        raise ValueError("number beyond 10^30, or nearer to zero than 10^-30") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number in JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(members := dict(pairs)) != len(pairs):
        raise ValueError(TWICE)
    return members
