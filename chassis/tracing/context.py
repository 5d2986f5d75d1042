"""The header `traceparent`: https://www.w3.org/TR/trace-context/."""

import re
from random import getrandbits  # no secrets, and each forked process gets a new seed
from typing import NamedTuple, Self

# Later versions than 00 may append fields. The version ff and IDs of zeros are invalid.
FIELDS = "[0-9a-f]{2}-(?!0+-)([0-9a-f]{32})-(?!0+-)([0-9a-f]{16})-([0-9a-f]{2})"
TRACEPARENT = re.compile(f"(?!ff|00.{{54}}){FIELDS}(?:-.{{0,256}})?")
RECORDED = "01"  # the flag `sampled`: the sender may have recorded its span
UNRECORDED = "00"


class Context(NamedTuple):
    """A trace and a span in it, in lowercase hexadecimal digits."""

    trace_id: str
    span_id: str
    flags: str = UNRECORDED

    @classmethod
    def new(cls) -> Self:
        return cls(f"{getrandbits(128):032x}", f"{getrandbits(64):016x}")

    @classmethod
    def read(cls, traceparent: str | None) -> Self | None:
        """None if it is absent or invalid. The work then begins a trace of its own, as the specification asks."""
        return cls(*match.groups()) if (match := TRACEPARENT.fullmatch(traceparent or "")) else None

    def child(self) -> Self:
        return type(self)(self.trace_id, f"{getrandbits(64):016x}", RECORDED)

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"
