"""Which cases run. CI runs a sample that changes every day; SHOP_RESILIENCE=full runs every case.

SHOP_SEED=<the seed that a run printed> repeats its sample and its random choices.
"""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

T = TypeVar("T")
FULL = os.environ.get("SHOP_RESILIENCE") == "full"
SEED = int(os.environ.get("SHOP_SEED") or f"{datetime.now(UTC):%y%m%d}")


def sample(cases: Sequence[T], place: int = 0) -> list[T]:
    """One of `cases`, or all in a full run. Tests that sample side by side give different places."""
    return list(cases) if FULL else [cases[(SEED + place) % len(cases)]]


def repeated(times: int) -> int:
    """How often a random choice is repeated: in a sample a third as often as in a full run."""
    return times if FULL else -(-times // 3)
