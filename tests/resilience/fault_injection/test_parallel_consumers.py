"""Several consumers share a queue: each message becomes one order, whoever of them gets it and however often."""

import copy
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import emulated
from tests.machine import ROOT
from tests.processes import eventually
from tests.resilience.fault_injection.faults import RECEIVE
from tests.resilience.fault_injection.proxy import proxy_of
from tests.resilience.invariants import gather, pending
from tests.resilience.processes import Fleet, worker

ORDERS = 1000
TWICE = 30
CONSUMERS = 3
BATCH = 10
GOLDEN = json.loads((ROOT / "tests" / "events" / "checkout_basket.json").read_text())
RecordProperty = Callable[[str, object], None]


def message(order_id: str) -> str:
    """As EventBridge wraps it; a tenth of the orders are of one user."""
    event: dict[str, Any] = copy.deepcopy(GOLDEN)
    event["detail"]["metadata"] |= {"id": order_id, "idempotency-key": order_id, "correlation-id": order_id}
    event["detail"]["data"] |= {"orderId": order_id, "userName": f"user-{order_id[-1]}"}
    return json.dumps(event)


def batches(order_ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(order_ids), BATCH):
        yield order_ids[start : start + BATCH]


def send(batch: list[str]) -> None:
    sqs = emulated.client("sqs")
    url = sqs.get_queue_url(QueueName="shop-order")["QueueUrl"]
    entries = [{"Id": str(n), "MessageBody": message(order_id)} for n, order_id in enumerate(batch)]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert not answer.get("Failed")


def placed_by(logs: Path) -> Counter[str]:
    """How many orders each consumer says that it placed; those that were there before do not count."""
    return +Counter({log.stem: log.read_text().count('"order placed"') for log in logs.glob("consumer-*.log")})


@pytest.mark.resilience
def test_three_consumers_side_by_side_turn_1000_messages_into_1000_orders(
    stack: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    order_ids = [f"order-{n:04}" for n in range(ORDERS)]
    dice = random.Random(1)  # noqa: S311 a test's dice
    sent = order_ids + dice.sample(order_ids, TWICE)
    dice.shuffle(sent)
    waiting = batches(sent)
    with proxy_of(stack["AWS_ENDPOINT_URL"]) as proxy:
        env = dict(stack) | {"LOG_LEVEL": "INFO", "AWS_ENDPOINT_URL": proxy.url}
        fleet = Fleet([worker("services.ordering.consumer", f"consumer-{n}", env) for n in range(CONSUMERS)], tmp_path)
        with fleet.running():
            eventually(lambda: proxy.counts[RECEIVE, "forwarded"] >= CONSUMERS)  # each in its long poll
            while len(placed_by(tmp_path)) < CONSUMERS:  # not all to the one that is up first
                send(next(waiting))
                eventually(lambda: not pending("shop"))
            began = time.monotonic()
            for batch in waiting:
                send(batch)
            eventually(lambda: not pending("shop"), seconds=60)
            seconds = time.monotonic() - began
            shares = placed_by(tmp_path)
            assert fleet.dead == []
            assert set(fleet.stop().values()) == {0}
    assert sorted(row["orderId"] for row in gather("shop").orders) == order_ids
    assert shares.total() == ORDERS
    assert len(shares) == CONSUMERS
    record_property(
        "figures", f"side by side: {sorted(shares.values())} orders, the last of them after {seconds:.1f} s"
    )
