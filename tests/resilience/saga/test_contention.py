"""DynamoDB answers many writes of the saga with a conflict or throttles them. That is no shortage and no refusal."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.resilience.fault_injection.faults import SINGLE_WRITES, TRANSACTION, Fault
from tests.resilience.saga.fulfilling import fulfilling

pytestmark = [pytest.mark.resilience, pytest.mark.timeout(300)]
ORDERS = 10
CONTENTION = {TRANSACTION: {Fault.TRANSACTION_CONFLICT: 0.5, Fault.THROTTLE: 0.1}} | {
    write: {Fault.THROTTLE: 0.1} for write in SINGLE_WRITES
}
WRITERS = {
    "stock-consumer": Fault.TRANSACTION_CONFLICT,
    "payment-consumer": Fault.THROTTLE,  # it has no transactions
    "ordering-commands": Fault.TRANSACTION_CONFLICT,
}
RecordProperty = Callable[[str, object], None]


def test_conflicts_and_throttled_writes_at_every_step_reject_no_order(
    stack: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    """There are just enough pieces for all orders."""
    with fulfilling(stack, tmp_path) as shop:
        shop.put_stock("tea", ORDERS)
        for name in WRITERS:
            shop.proxies[name].rules = CONTENTION
        for _ in range(ORDERS):
            shop.place(tea=1)
        differences, seconds = shop.settle(ORDERS, within=120)
        ends = shop.books().ends
        met = {name: shop.proxies[name].totals for name in WRITERS}
    record_property("figures", f"saga with throttled writes and conflicts: {dict(ends)} after {seconds:.1f} s")
    assert differences == []
    assert ends == Counter({"CONFIRMED": ORDERS})
    assert [name for name, fault in WRITERS.items() if not met[name][fault]] == []
