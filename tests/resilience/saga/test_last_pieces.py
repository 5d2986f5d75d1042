"""Fifty customers check out the last ten pieces at the same time."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.resilience.saga.fulfilling import fulfilling

pytestmark = [pytest.mark.resilience, pytest.mark.timeout(300)]
RecordProperty = Callable[[str, object], None]


def test_last_ten_pieces_go_to_exactly_ten_of_fifty_orders(
    stack: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    with fulfilling(stack, tmp_path) as shop:
        shop.put_stock("tea", 10)
        began = time.monotonic()
        for _ in range(50):
            shop.place(tea=1)
        differences, _ = shop.settle(50, within=120)
        ends = shop.books().ends
    record_property("figures", f"50 orders of the last 10 pieces: {dict(ends)} after {time.monotonic() - began:.1f} s")
    assert differences == []
    assert ends == Counter({"CONFIRMED": 10, "REJECTED OUT_OF_STOCK": 40})
