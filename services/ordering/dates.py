"""Parses the times that clients send (ISO 8601) into the format of stored orders."""

import re
from calendar import monthrange
from datetime import datetime
from typing import Annotated, NamedTuple

from pydantic import PlainValidator, WithJsonSchema

from chassis.core import instants

# A date or its beginning, or a date with a time of day or its beginning. Only the latter can have a zone. ASCII digits.
PATTERN = (
    r"^(?:[0-9]{4}(?:-[0-9]{2}){0,2}|"
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3])(?::[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]{1,30})?)?)?"
    r"([Zz]|[+ -](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?)?)$"
)
FORM = (
    "must be a time in ISO 8601, such as 2026-11-26T10:15:30Z or 2026-11-26T12:15:30.5+02:00, "
    "or the beginning of one, such as 2026-11 or 2026-11-26T10"
)
NO_SUCH_TIME = "must be an existing day and time, in a year from 1 to 9999"


class Period(NamedTuple):
    """The first and the last millisecond, both included, as text that sorts by time."""

    first: str
    last: str


LOWEST, HIGHEST = "0001-01-01T00:00:00.000", "9999-12-31T23:59:59.999"
ALWAYS = Period(f"{LOWEST}Z", f"{HIGHEST}Z")
TO_SECONDS = len("2026-11-26T10:15:30")


def period(text: str) -> Period:
    """A time with seconds and a zone is that instant. Shorter text is the whole year, month, day, hour … that it names.

    Without a zone it is UTC. Digits after the millisecond are dropped, as in stored orders. In a query string a `+`
    arrives as a space, so a space before an offset is read as `+`. Raises ValueError with an explanation.
    """
    found = re.fullmatch(PATTERN, text)
    if found is None:
        raise ValueError(FORM)
    zone = found[1] or ""
    named = text.removesuffix(zone)
    zone = zone.upper().replace(" ", "+") or "Z"
    try:
        first = instants.write(datetime.fromisoformat(named + LOWEST[len(named) :] + zone))
        if found[1] and len(named) >= TO_SECONDS:
            return Period(first, first)
        return Period(first, instants.write(datetime.fromisoformat(named + _highest(named) + zone)))
    except (ValueError, OverflowError):
        raise ValueError(NO_SUCH_TIME) from None


def _highest(named: str) -> str:
    """The rest of the period's last millisecond, after the part that `named` has."""
    if len(named) == len("2026-11"):
        return f"-{monthrange(int(named[:4]), int(named[5:]))[1]}{HIGHEST[10:]}"
    return HIGHEST[len(named) :]


TimeOrPeriod = Annotated[
    Period, PlainValidator(period), WithJsonSchema({"type": "string", "maxLength": 64, "pattern": PATTERN})
]
