"""The format in which times are stored and sent: UTC with milliseconds. As text, they sort by time."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator


def write(moment: datetime) -> str:
    """`moment` must have a time zone. Digits after the millisecond are dropped."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _checked(text: str) -> str:
    try:
        valid = write(datetime.fromisoformat(text)) == text
    except (ValueError, OverflowError):
        valid = False
    if not valid:
        raise ValueError("must be a time in UTC with milliseconds, such as 2026-11-26T10:15:30.123Z")
    return text


Instant = Annotated[str, AfterValidator(_checked)]
