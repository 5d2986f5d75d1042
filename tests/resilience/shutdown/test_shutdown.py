"""Asked to end at any moment, a process finishes what it has in hand, in time, and nobody has to do it again.

SHOP_SEED=7 repeats the moments.
"""

import json
import os
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import urllib3

from chassis.core.events import Event
from tests import emulated
from tests.processes import eventually
from tests.resilience.fault_injection.faults import PUBLISH, RECEIVE
from tests.resilience.fault_injection.proxy import Proxy, proxy_of
from tests.resilience.invariants import gather, pending
from tests.resilience.processes import Fleet, web, worker
from tests.resilience.shutdown.callers import Callers
from tests.resilience.shutdown.stops import CHECK, DELETE, FORGET, SCAN, WRITE, Drill, Witness, moments, told
from tests.samples import PHONE, golden_message
from tests.stacks import deploy

pytestmark = pytest.mark.resilience
SEED = int(os.environ.get("SHOP_SEED", "1"))
BUSY, IDLE = 10.0, 3.0  # seconds: no end may take longer, and most of those with nothing in hand
HIDDEN = 10  # seconds: no drain may take longer, else another consumer rightly gets the message too
SUPPLY = 100  # messages on their way at a time: more than given-up polls can hide
RecordProperty = Callable[[str, object], None]


@pytest.fixture
def shop(aws_env: Mapping[str, str], record_property: RecordProperty) -> Mapping[str, str]:
    """The shop's resources with an order queue that hides a message for a shorter time."""
    record_property("figures", f"drain, SHOP_SEED={SEED}:")
    deploy(aws_env, "VisibilityTimeout", HIDDEN)
    return aws_env


def event(order_id: str) -> dict[str, Any]:
    message = golden_message()
    message["detail"]["data"]["orderId"] = order_id
    return dict(json.loads(json.dumps(message, default=float)))


class Supply:
    """Messages for ever, so many that there are always some on their way."""

    def __init__(self, witness: Witness) -> None:
        self.sent: list[str] = []
        self._witness = witness
        self._sqs = emulated.client("sqs")
        self._url = self._sqs.get_queue_url(QueueName="shop-order")["QueueUrl"]

    @contextmanager
    def flowing(self) -> Iterator["Supply"]:
        over = threading.Event()

        def flow() -> None:
            while not over.wait(0.02):
                if len(self.sent) - len(self._witness.handled) < SUPPLY:
                    self._send([f"o-{len(self.sent) + n}" for n in range(10)])

        pump = threading.Thread(target=flow, name="supply")
        pump.start()
        try:
            yield self
        finally:
            over.set()
            pump.join()

    def _send(self, names: list[str]) -> None:
        entries = [{"Id": name, "MessageBody": json.dumps(event(name))} for name in names]
        answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
        assert not answer.get("Failed")
        self.sent += names


def test_a_consumer_that_is_asked_to_end_finishes_its_batch_and_leaves_nothing_to_do_again(
    shop: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    witness, when = Witness(), moments(SEED, {CHECK: 1, RECEIVE: 3, WRITE: 25, DELETE: 3}, 50)
    with proxy_of(shop["AWS_ENDPOINT_URL"], observe=witness) as proxy:
        env = dict(shop) | {"AWS_ENDPOINT_URL": proxy.url}
        consumer = worker("services.ordering.consumer", "consumer", env)
        with Supply(witness).flowing() as supply:
            ends = Drill(consumer, witness, tmp_path, BUSY).run(when)
        with Fleet([consumer], tmp_path).running():
            eventually(lambda: not pending("shop"), seconds=3 * HIDDEN)
    record_property("figures", f"{told('consumer', ends)}; {len(supply.sent)} orders")
    assert witness.received_again == []
    assert witness.handled_twice == []
    assert sorted(order["orderId"] for order in gather("shop").orders) == sorted(supply.sent)
    assert sum(end.finished for end in ends) >= 10, "too few had anything to finish"


def polled(proxy: Proxy, times: int) -> bool:
    return proxy.counts[RECEIVE, "forwarded"] == times


def test_an_idle_consumer_ends_at_once(
    shop: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    dice, seconds = random.Random(SEED), list[float]()  # noqa: S311 a test's dice
    with proxy_of(shop["AWS_ENDPOINT_URL"]) as proxy:
        consumer = worker("services.ordering.consumer", "consumer", dict(shop) | {"AWS_ENDPOINT_URL": proxy.url})
        for n in range(1, 6):
            with Fleet([consumer], tmp_path).running():
                eventually(partial(polled, proxy, n))
                threading.Event().wait(dice.uniform(0, 0.5))
                asked = time.monotonic()
                consumer.ask_to_end()
                assert consumer.ended() == 0
                seconds.append(time.monotonic() - asked)
    record_property("figures", f"idle consumer: {len(seconds)} stops, slowest {max(seconds):.2f} s")
    assert statistics.median(seconds) < IDLE
    assert max(seconds) < BUSY


def test_a_web_service_that_is_asked_to_end_answers_everyone_it_let_in(
    shop: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    dice, seconds, codes = random.Random(SEED), list[float](), set[int]()  # noqa: S311 a test's dice
    product = web("product", shop)
    basket = web("basket", dict(shop) | {"PRODUCT_URL": product.url})
    with Fleet([product], tmp_path).running():
        answer = urllib3.request("POST", f"{product.url}/product", json=PHONE)
        with Callers(basket.url, answer.json()["id"], crowd=6).calling() as callers:
            for _ in range(10):
                with Fleet([basket], tmp_path).running():
                    threading.Event().wait(dice.uniform(0.2, 0.7))
                    asked = time.monotonic()
                    basket.ask_to_end()
                    codes.add(basket.ended())
                    seconds.append(time.monotonic() - asked)
    record_property(
        "figures",
        f"web: {len(seconds)} stops, slowest {max(seconds):.2f} s; answers {dict(callers.answers)}, "
        f"{callers.refused} refused, {len(callers.broken)} broken",
    )
    assert callers.broken == []
    assert codes == {0}
    assert max(seconds) < BUSY
    assert set(callers.answers) == {200, 202}, callers.answers
    assert {row["orderId"] for row in gather("shop").receipts} == set(callers.acknowledged)


def test_a_relay_that_is_asked_to_end_stops_soon_and_no_event_is_lost_or_sent_again(
    shop: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    witness, when = Witness(), moments(SEED, {SCAN: 2, PUBLISH: 6, FORGET: 60}, 12)
    names = [f"o-{n}" for n in range(1000)]
    table = emulated.table("shop-basket-outbox")
    with table.batch_writer() as batch:
        for name in names:
            batch.put_item(Item=row(name))
    with proxy_of(shop["AWS_ENDPOINT_URL"], observe=witness) as proxy:
        relay = worker("services.basket.relay", "relay", dict(shop) | {"AWS_ENDPOINT_URL": proxy.url})
        ends = Drill(relay, witness, tmp_path, BUSY).run(when)
        left = len(table.scan(ConsistentRead=True)["Items"])
        with Fleet([relay], tmp_path).running():
            eventually(lambda: "basket-outbox" not in pending("shop"), seconds=90)
    slowest = max(end.seconds for end in ends)
    assert statistics.median(end.seconds for end in ends) < IDLE
    record_property("figures", f"relay: {len(ends)} stops, slowest {slowest:.2f} s, {left} rows left")
    assert left > 0, "too few rows to stop amid them"
    assert witness.handled_twice == []
    assert sorted(arrived()) == sorted(names)


def row(order_id: str) -> dict[str, Any]:
    detail = json.dumps(event(order_id)["detail"])
    told = Event(order_id, "com.swn.basket.checkoutbasket", "CheckoutBasket", detail)
    return told._asdict() | {"createdAt": int((time.time() - 60) * 1000)}


def arrived() -> list[str]:
    """The order ids in the queue, each as often as it is there."""
    sqs, names = emulated.client("sqs"), list[str]()
    url = sqs.get_queue_url(QueueName="shop-order")["QueueUrl"]
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        names += [json.loads(message["Body"])["detail"]["data"]["orderId"] for message in messages]
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    return names
