"""Each process of the saga is killed at each step. Every order becomes final all the same, and the books agree."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.processes import eventually
from tests.resilience.fault_injection.faults import Fault, always
from tests.resilience.saga.fulfilling import Fulfilment, fulfilling
from tests.resilience.sampling import FULL, SEED
from tests.stacks import deploy

pytestmark = [pytest.mark.resilience, pytest.mark.timeout(600)]
STEP_TIMEOUT = 12  # seconds until the machine goes on without a silent provider
VISIBILITY = 6  # seconds until the message of a killed process is delivered again, less than the step's time-out
FINAL_WITHIN = 120.0  # seconds after the last crash
DATABASE, BUS, DELETE = "DynamoDB_20120810.*", "AWSEvents.PutEvents", "AmazonSQS.DeleteMessageBatch"
START, ANSWER = "AWSStepFunctions.StartExecution", "AWSStepFunctions.SendTask*"
RecordProperty = Callable[[str, object], None]


class Case(NamedTuple):
    """The process dies in its first call of `at`, before AWS gets it, once the order has the status `after`."""

    process: str
    at: str
    card: str = "tok_approved"
    after: str = ""


# Received, committed, before the answer to the state machine, and after it. Then once more for each compensation.
CASES = [
    *(Case("ordering-consumer", at) for at in (DATABASE, START, DELETE)),
    *(Case("stock-consumer", at) for at in (DATABASE, ANSWER, DELETE)),
    *(Case("payment-consumer", at) for at in (DATABASE, ANSWER, DELETE)),
    *(Case("payment-consumer", at, "tok_twice") for at in (DATABASE, ANSWER, DELETE)),
    *(Case("payment-consumer", at, "tok_declined") for at in (DATABASE, ANSWER, DELETE)),
    *(Case("payment-consumer", DATABASE, card) for card in ("tok_silent", "tok_late")),
    *(Case("ordering-commands", at) for at in (DATABASE, BUS, ANSWER, DELETE)),
    *(Case("ordering-commands", at, "tok_declined") for at in (DATABASE, ANSWER, DELETE)),
    *(Case("payment-consumer", at, "tok_silent", "REJECTING") for at in (DATABASE, ANSWER, DELETE)),
    *(Case("stock-consumer", at, "tok_declined", "REJECTING") for at in (DATABASE, ANSWER, DELETE)),
    *(Case("ordering-commands", at, "tok_declined", "REJECTING") for at in (DATABASE, BUS, ANSWER, DELETE)),
]  # fmt: skip


def crash(shop: Fulfilment, case: Case) -> None:
    """Returns after the process was started again."""
    proxy = shop.proxies[case.process]
    if case.after:
        order = shop.place(case.card, tea=1)
        eventually(lambda: shop.status(order) == case.after)
    before = hits(shop, case)
    proxy.rules = always(Fault.BLACK_HOLE, case.at)
    if not case.after:
        shop.place(case.card, tea=1)
    try:
        eventually(lambda: hits(shop, case) > before, 2 * STEP_TIMEOUT)
    finally:
        shop.kill(case.process)
        proxy.stop_faults()
        shop.start(case.process)


def hits(shop: Fulfilment, case: Case) -> int:
    return sum(n for (_, kind), n in shop.proxies[case.process].counts.items() if kind == Fault.BLACK_HOLE)


def test_process_killed_at_any_step_leaves_no_order_open_and_books_that_agree(
    aws_env: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    cases = CASES if FULL else CASES[SEED % 3 :: 3]
    deploy(aws_env, "VisibilityTimeout", VISIBILITY, step_timeout=STEP_TIMEOUT)
    with fulfilling(aws_env, tmp_path) as shop:
        shop.put_stock("tea", 100)
        for case in cases:
            crash(shop, case)
        differences, seconds = shop.settle(len(cases), FINAL_WITHIN)
        ends, crashed = shop.books().ends, shop.crashed
    record_property("figures", f"saga, {len(cases)} crashes: {dict(ends)}, final {seconds:.1f} s after the last one")
    assert differences == []
    assert crashed == []
    assert ends["CONFIRMED"] >= sum(case.card in {"tok_approved", "tok_twice"} for case in cases) // 2
