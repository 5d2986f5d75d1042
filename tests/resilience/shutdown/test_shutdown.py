"""After SIGTERM at any moment a process finishes its work in time, and no other process repeats it."""

import json
import random
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import urllib3

from chassis.core.events import Event
from chassis.messaging.background import CAPACITY
from chassis.messaging.relay import Relay
from services.basket.catalogue import CatalogueItem
from services.basket.wiring import Wiring
from tests import aws_clients
from tests.aws_clients import PATIENT
from tests.processes import eventually
from tests.resilience.client import ServiceClient, check_out, fill
from tests.resilience.evidence import gather, pending
from tests.resilience.fault_injection.faults import PUBLISH, RECEIVE, Fault, always
from tests.resilience.fault_injection.proxy import Proxy, proxy_of
from tests.resilience.invariants import Checkout, Line
from tests.resilience.processes import Fleet, Member, web, worker
from tests.resilience.sampling import SEED, repeated
from tests.resilience.shutdown.stops import CHECK, DELETE, MARK, SCAN, WRITE, Observer, Stops, describe, moments
from tests.samples import PHONE, golden_message, order_id
from tests.stacks import deploy

pytestmark = pytest.mark.resilience
BUSY, IDLE = 10.0, 3.0  # seconds: the limit for every stop, and for the median of idle ones
HIDDEN = 10  # seconds of visibility timeout: a slower stop would rightly give the message to another consumer
SUPPLY = 100  # messages that wait at a time: more than abandoned polls can hide
RecordProperty = Callable[[str, object], None]


@pytest.fixture
def shop(aws_env: Mapping[str, str]) -> Mapping[str, str]:
    """The shop's resources with a shorter visibility timeout."""
    deploy(aws_env, "VisibilityTimeout", HIDDEN)
    return aws_env


def event(name: str) -> dict[str, Any]:
    message = golden_message()
    message["detail"]["data"]["orderId"] = name
    return dict(json.loads(json.dumps(message, default=float)))


class Supply:
    """Sends messages so that some always wait."""

    def __init__(self, observer: Observer) -> None:
        self.sent: list[str] = []
        self._observer = observer
        self._sqs = aws_clients.client("sqs")
        self._url = self._sqs.get_queue_url(QueueName="shop-order")["QueueUrl"]

    @contextmanager
    def flowing(self) -> Iterator["Supply"]:
        over = threading.Event()

        def flow() -> None:
            while not over.wait(0.02):
                if len(self.sent) - len(self._observer.handled) < SUPPLY:
                    self._send([order_id(len(self.sent) + n) for n in range(10)])

        with ThreadPoolExecutor(1, thread_name_prefix="supply") as pool:
            flowing = pool.submit(flow)
            try:
                yield self
            finally:
                over.set()
            flowing.result()

    def _send(self, names: list[str]) -> None:
        entries = [{"Id": name, "MessageBody": json.dumps(event(name))} for name in names]
        answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
        assert not answer.get("Failed")
        self.sent += names


def test_a_stopping_consumer_finishes_its_batch_and_no_message_is_handled_again(
    shop: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    count = repeated(50)
    observer, when = Observer(), moments(SEED, {CHECK: 1, RECEIVE: 3, WRITE: 25, DELETE: 3}, count)
    with proxy_of(shop["AWS_ENDPOINT_URL"], observe=observer) as proxy:
        env = dict(shop) | {"AWS_ENDPOINT_URL": proxy.url}
        consumer = worker("services.ordering.consumer", "consumer", env)
        with Supply(observer).flowing() as supply:
            stops = Stops(consumer, observer, tmp_path, BUSY).run(when)
        with Fleet([consumer], tmp_path).running():
            eventually(lambda: not pending("shop"), seconds=3 * HIDDEN)
    record_property("figures", f"{describe('consumer', stops)}; {len(supply.sent)} orders")
    assert observer.received_again == []
    assert observer.handled_twice == []
    assert sorted(order["orderId"] for order in gather("shop").orders) == sorted(supply.sent)
    assert sum(stop.finished for stop in stops) >= count / 5, "too few stops came during a batch"


def seconds_to_stop(member: Member) -> float:
    began = time.monotonic()
    member.terminate()
    assert member.exit_code() == 0
    return time.monotonic() - began


def polled(proxy: Proxy, times: int) -> bool:
    return proxy.counts[RECEIVE, "forwarded"] == times


def test_an_idle_consumer_stops_at_once(
    shop: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    choose, seconds = random.Random(SEED), list[float]()  # noqa: S311 not for secrets
    with proxy_of(shop["AWS_ENDPOINT_URL"]) as proxy:
        consumer = worker("services.ordering.consumer", "consumer", dict(shop) | {"AWS_ENDPOINT_URL": proxy.url})
        for n in range(1, 6):
            with Fleet([consumer], tmp_path).running():
                eventually(partial(polled, proxy, n))
                threading.Event().wait(choose.uniform(0, 0.5))
                seconds.append(seconds_to_stop(consumer))
    record_property("figures", f"idle consumer: {len(seconds)} stops, slowest {max(seconds):.2f} s")
    assert statistics.median(seconds) < IDLE
    assert max(seconds) < BUSY


class Crowd:
    """Clients that fill a basket and check it out again and again, without retries.

    Half of them keep their connection, the others open one for each request.
    """

    def __init__(self, url: str, product: str, size: int) -> None:
        self.clients = [ServiceClient(url, headers={} if n % 2 else {"Connection": "close"}) for n in range(size)]
        self.history: list[Checkout] = []
        self._lines = frozenset({Line(product, "", 1)})
        self._over = threading.Event()

    @contextmanager
    def shopping(self) -> Iterator[None]:
        with ThreadPoolExecutor(len(self.clients), thread_name_prefix="client") as pool:
            done = [pool.submit(self._shop, f"user-{n}", client) for n, client in enumerate(self.clients)]
            try:
                yield
            finally:
                self._over.set()
            for each in done:
                each.result()

    def _shop(self, user: str, client: ServiceClient) -> None:
        while not self._over.wait(0.03):
            if fill(client.ask, user, self._lines):
                self.history.append(Checkout(user, user, self._lines, time.monotonic()))
                check_out(client.ask, user, self.history[-1], key=False)


def test_a_stopping_web_service_answers_every_request_that_it_accepted(
    shop: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    choose, seconds = random.Random(SEED), list[float]()  # noqa: S311 not for secrets
    product = web("product", shop)
    basket = web("basket", dict(shop) | {"PRODUCT_URL": product.url})
    with Fleet([product], tmp_path).running():
        phone = urllib3.request("POST", f"{product.url}/product", json=PHONE).json()["id"]
        crowd = Crowd(basket.url, phone, size=6)
        with crowd.shopping():
            for _ in range(10):
                with Fleet([basket], tmp_path).running():
                    threading.Event().wait(choose.uniform(0.2, 0.7))
                    seconds.append(seconds_to_stop(basket))
    statuses = sum((client.statuses for client in crowd.clients), Counter[int]())
    record_property("figures", f"web: {len(seconds)} stops, slowest {max(seconds):.2f} s; answers {dict(statuses)}")
    assert [broken for client in crowd.clients for broken in client.broken] == []
    assert max(seconds) < BUSY
    assert set(statuses) - {0} == {200, 202}
    assert {row["orderId"] for row in gather("shop").receipts} == {each.order_id for each in crowd.history} - {""}


def test_a_stopping_web_service_publishes_what_it_answered(shop: Mapping[str, str], tmp_path: Path) -> None:
    """The bus is so slow that events wait in the background at SIGTERM. What timed out is left to the relay."""
    users, lines = [f"user-{n}" for n in range(CAPACITY)], frozenset({Line("p-1", "", 1)})
    wiring = Wiring(shop)
    wiring.catalogue_store.put_newer(CatalogueItem(productId="p-1", version=1, name="P", price=Decimal(1)))
    with proxy_of(shop["AWS_ENDPOINT_URL"]) as proxy:
        basket = web("basket", dict(shop) | {"AWS_ENDPOINT_URL": proxy.url})
        with Fleet([basket], tmp_path).running():
            client = ServiceClient(basket.url, headers={"Connection": "close"})
            assert all(fill(client.ask, user, lines) for user in users)
            proxy.rules = always(Fault.LATENCY, PUBLISH)
            history = [Checkout(user, user, lines, time.monotonic()) for user in users]
            with ThreadPoolExecutor(len(users)) as pool:
                list(pool.map(lambda each: check_out(client.ask, each.basket, each), history))
            waiting = pending("shop").get("basket-outbox", 0)
            assert seconds_to_stop(basket) < BUSY
        attempts = sum(count for (operation, _), count in proxy.counts.items() if operation == PUBLISH)
    left = [event.id for page in wiring.outbox.pending() for event, _ in page if event]
    assert {each.order_id for each in history} > set(left)
    assert attempts == len(users)
    assert waiting > len(left), "nothing waited at SIGTERM"
    assert (tmp_path / "basket.log").read_text().count("event left to the relay") == len(left)
    Relay(wiring.outbox, wiring.bus(PATIENT), -1).sweep()
    assert set(arrived()) == {each.order_id for each in history}


def test_a_stopping_relay_stops_soon_and_no_event_is_lost_or_published_again(
    shop: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    observer, when = Observer(), moments(SEED, {SCAN: 2, PUBLISH: 6, MARK: 6}, repeated(12))
    names = [order_id(n) for n in range(1000)]
    table = aws_clients.table("shop-basket-outbox")
    with table.batch_writer() as batch:
        for name in names:
            batch.put_item(Item=row(name))
    with proxy_of(shop["AWS_ENDPOINT_URL"], observe=observer) as proxy:
        relay = worker("services.basket.relay", "relay", dict(shop) | {"AWS_ENDPOINT_URL": proxy.url})
        stops = Stops(relay, observer, tmp_path, BUSY).run(when)
        left = len(table.scan(ConsistentRead=True)["Items"])
        with Fleet([relay], tmp_path).running():
            eventually(lambda: "basket-outbox" not in pending("shop"), seconds=90)
    slowest = max(stop.seconds for stop in stops)
    assert statistics.median(stop.seconds for stop in stops) < IDLE
    record_property("figures", f"relay: {len(stops)} stops, slowest {slowest:.2f} s, {left} rows left")
    assert left > 0, "too few rows: the relay was never stopped during its work"
    assert observer.handled_twice == []
    assert sorted(arrived()) == sorted(names)


def row(name: str) -> dict[str, Any]:
    detail = json.dumps(event(name)["detail"])
    old = Event(name, "com.swn.basket.checkoutbasket", "CheckoutBasket", detail)
    return old._asdict() | {"createdAt": int((time.time() - 60) * 1000)}


def arrived() -> list[str]:
    """The order ids in the queue, each as often as it is there."""
    sqs, names = aws_clients.client("sqs"), list[str]()
    url = sqs.get_queue_url(QueueName="shop-order")["QueueUrl"]
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        names += [json.loads(message["Body"])["detail"]["data"]["orderId"] for message in messages]
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    return names
