"""Random faults on every AWS call of the saga, while processes are killed, orders cancelled and levels changed."""

import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from chassis.core.errors import Conflict, NotFound, Unavailable
from tests.resilience.fault_injection.faults import share_of_calls
from tests.resilience.processes import Fleet
from tests.resilience.saga.fulfilling import Fulfilment, fulfilling
from tests.resilience.sampling import FULL, SEED
from tests.stacks import deploy

pytestmark = [pytest.mark.resilience, pytest.mark.timeout(900)]
ORDERS = 300 if FULL else 60
CARDS = ("tok_approved",) * 6 + ("tok_declined", "tok_insufficient_funds", "tok_silent", "tok_late", "tok_twice")
STEP_TIMEOUT = 15  # seconds
FINAL_WITHIN = 240.0  # seconds after the last fault: a message that failed often waits for minutes
RecordProperty = Callable[[str, object], None]


def shop_at_random(shop: Fulfilment, choose: random.Random) -> int:
    """Places orders of few pieces, and cancels one in five at a random moment. Returns the number of cancellations."""
    placed: list[str] = []
    cancelled = 0
    for _ in range(ORDERS):
        time.sleep(choose.uniform(0, 0.6))
        placed.append(shop.place(choose.choice(CARDS), tea=choose.randint(1, 3), cup=choose.randint(1, 3), pot=1))
        if choose.random() < 0.2:
            with suppress(Conflict, NotFound, Unavailable):
                shop.cancel(choose.choice(placed))
                cancelled += 1
    return cancelled


def test_random_faults_kills_and_cancellations_leave_every_order_final_and_the_books_equal(
    aws_env: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    choose = random.Random(SEED)  # noqa: S311 not for secrets
    deploy(aws_env, step_timeout=STEP_TIMEOUT)
    with fulfilling(aws_env, tmp_path) as shop:
        shop.put_stock("tea", ORDERS)
        shop.put_stock("cup", 3 * ORDERS)
        for proxy in shop.proxies.values():
            proxy.rules = share_of_calls(0.2)
        with Fleet([*shop.workers.values()], tmp_path).killed_at_random(3.0, SEED):
            cancelled = shop_at_random(shop, choose)
        for proxy in shop.proxies.values():
            proxy.stop_faults()
        differences, seconds = shop.settle(ORDERS, FINAL_WITHIN)
        ends, crashed = shop.books().ends, shop.crashed
        kills = sum(member.kills for member in shop.workers.values())
    record_property(
        "figures",
        f"saga under random faults, SHOP_SEED={SEED}: {ORDERS} orders, {cancelled} cancellations, {kills} kills, "
        f"{dict(ends)}, final {seconds:.1f} s after the last fault",
    )
    assert differences == []
    assert crashed == []
    assert ends["CANCELLED"] <= cancelled
