"""The one form in which times are stored and sent: UTC, to the millisecond. In that form they also sort as text."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator


def write(moment: datetime) -> str:
    """An aware `moment`; digits behind the millisecond are dropped."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _checked(text: str) -> str:
    try:
        fits = write(datetime.fromisoformat(text)) == text
    except (ValueError, OverflowError):
        fits = False
    if not fits:
        raise ValueError("must be a time in UTC to the millisecond, such as 2026-11-26T10:15:30.123Z")
    return text


Instant = Annotated[str, AfterValidator(_checked)]
