"""A part of the outbox, so that several relays can share the work."""

import re
from typing import NamedTuple, Self

from chassis.core.errors import Misconfigured


class Segment(NamedTuple):
    """Segment `number` of `total`, from 1 up ("Parallel scan", Amazon DynamoDB Developer Guide)."""

    number: int
    total: int

    @classmethod
    def of(cls, setting: str) -> Self:
        """Parses `2/3`, the second of three segments. Raises Misconfigured."""
        if match := re.fullmatch("([1-9][0-9]{0,5})/([1-9][0-9]{0,5})", setting, re.ASCII):
            segment = cls(int(match[1]), int(match[2]))
            if segment.number <= segment.total:
                return segment
        raise Misconfigured(f"SHOP_RELAY_SEGMENT is {setting!r}: for three relays, set it to 1/3, 2/3 and 3/3.")


WHOLE = Segment(1, 1)
