"""JSON as RFC 8259 has it, and numbers exact: no NaN, no duplicate keys, no number beyond 10^30."""

import json
import re
from decimal import Context, Decimal, InvalidOperation, Overflow, Subnormal
from typing import Any

# JSON allows them, but SQS refuses a message with one ("SendMessage", Amazon SQS API Reference), and a dead-letter
# queue is SQS too: an event with one would vanish on its way. Characters below U+0020 pass, for JSON escapes them.
NOT_FOR_SQS = re.compile("[\ufffe\uffff]")
MAX_EXPONENT = 30  # 1E+999999999 is a legal JSON number, and an integer of a gigabyte
BEYOND = [InvalidOperation, Overflow, Subnormal]


def loads(text: str | bytes) -> Any:
    """Numbers are exact, and equal ones become the same: int without point or exponent, else Decimal without zeros.

    Raises ValueError, or RecursionError for a body of brackets.
    """
    decoded = text.decode() if isinstance(text, bytes) else text
    value = json.loads(decoded, parse_float=_exact, parse_constant=_refuse, object_pairs_hook=_unique)
    plain = json.dumps(value, ensure_ascii=False, default=str) if "\\u" in decoded else decoded
    plain.encode()  # half a surrogate pair is no character
    if NOT_FOR_SQS.search(plain):
        raise ValueError("U+FFFE and U+FFFF are no characters")
    return value


def _exact(text: str) -> Decimal:
    """Without trailing zeros, which DynamoDB would count as digits, and without the sign of a zero."""
    context = Context(prec=len(text), Emin=-MAX_EXPONENT, Emax=MAX_EXPONENT, traps=BEYOND)
    try:
        return context.create_decimal(text).normalize(context) or Decimal()
    except ArithmeticError as error:
        raise ValueError("number beyond 10^30, or nearer to zero than 10^-30") from error


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(members := dict(pairs)) != len(pairs):
        raise ValueError("duplicate key")
    return members
