"""AWS is unavailable for a while: no answer is false, no message is dead-lettered, and every order arrives."""

import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.processes import eventually
from tests.resilience.evidence import gather, pending
from tests.resilience.fault_injection import wire
from tests.resilience.fault_injection.faults import RECEIVE, Fault, always
from tests.resilience.fault_injection.proxy import Proxy, proxy_of
from tests.resilience.fault_injection.shop import Shop, Size
from tests.resilience.invariants import Outcome
from tests.resilience.processes import Fleet, Member, web
from tests.resilience.sampling import sample
from tests.samples import CHECKOUT, PHONE
from tests.stacks import deploy

# One consumer, because a second one in a long poll would receive once more before it notices the outage.
SIZE = Size(users=6, checkouts=90, edits=0, baskets=1, consumers=1, relays=1)
TRIES = 3  # the fourth receive dead-letters a message; in the template the eleventh does, after half an hour
OUTAGE = 25.0  # seconds: a consumer that went on receiving would be at the fourth receive after 17 to 35 s


def black_hole(proxy: Proxy) -> None:
    proxy.rules = always(Fault.BLACK_HOLE)


def recover(proxy: Proxy) -> None:
    proxy.stop_faults()
    proxy.accept()


WAYS = [black_hole, Proxy.refuse]
Break = Callable[[Proxy], None]
RecordProperty = Callable[[str, object], None]


@pytest.fixture
def impatient(aws_env: Mapping[str, str]) -> Mapping[str, str]:
    """The shop's resources with queues that dead-letter a message after `TRIES` receives."""
    deploy(aws_env, "maxReceiveCount", TRIES)
    return aws_env


class Receives:
    """How often each message was received, as the fault proxy saw it."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def __call__(self, request: wire.Message, answer: wire.Message) -> None:
        if request.operation == RECEIVE:
            for message in answer.json().get("Messages", []):
                self.counts[message["MessageId"]] = int(message["Attributes"]["ApproximateReceiveCount"])


@contextmanager
def outage(proxy: Proxy, break_: Break, seconds: float) -> Iterator[None]:
    """Breaks the proxy while the block runs, and for `seconds` at least."""
    over = threading.Timer(seconds, lambda: None)
    break_(proxy)
    over.start()
    yield
    over.join()
    recover(proxy)


def check_all_arrive(shop: Shop) -> float:
    """After how many seconds."""
    violations, seconds = shop.settle()
    assert violations == []
    assert shop.unexpected == []
    outcomes = Counter(checkout.outcome for checkout in shop.customers.history)
    assert outcomes[Outcome.ACKNOWLEDGED] == SIZE.checkouts
    assert outcomes[Outcome.UNKNOWN] == 0
    assert shop.fleet.crashed == []
    return seconds


@pytest.mark.resilience
@pytest.mark.parametrize(
    ("whose", "break_"), sample([("consumers", black_hole), ("everybody", black_hole), ("consumers", Proxy.refuse)])
)
def test_orders_wait_for_the_database_and_none_is_dead_lettered(
    impatient: Mapping[str, str], tmp_path: Path, whose: str, break_: Break, record_property: RecordProperty
) -> None:
    receives = Receives()
    with ExitStack() as stack:
        database = stack.enter_context(proxy_of(impatient["AWS_ENDPOINT_URL"]))
        rest = stack.enter_context(proxy_of(impatient["AWS_ENDPOINT_URL"], observe=receives))
        env = dict(impatient) | {"AWS_ENDPOINT_URL": rest.url}
        broken = env | {"AWS_ENDPOINT_URL_DYNAMODB": database.url}
        shop = Shop(broken if whose == "everybody" else env, tmp_path, SIZE, seed=1, of_consumers=broken)
        stack.enter_context(shop.open())
        with ThreadPoolExecutor(1) as pool:
            shopping = pool.submit(shop.customers.shop, SIZE.users, SIZE.checkouts)
            eventually(lambda: len(receives.counts) > 10)
            with outage(database, break_, OUTAGE):
                if whose == "consumers":
                    shopping.result()  # other processes are not affected
            shopping.result()
        seconds = check_all_arrive(shop)
        again = sum(count > 1 for count in receives.counts.values())
        record_property(
            "figures",
            f"database down for {whose} ({break_.__name__}): at most {max(receives.counts.values())} receives, "
            f"{again} of {SIZE.checkouts} messages more than once, all orders there after {seconds:.1f} s",
        )
        assert max(receives.counts.values()) <= TRIES
        # Messages in flight at the start of the outage are received again. The others stay in the queue.
        assert again <= 10


@pytest.mark.resilience
@pytest.mark.parametrize("break_", sample(WAYS))
def test_checkouts_succeed_while_the_bus_is_down_and_every_order_arrives_afterwards(
    stack: Mapping[str, str], tmp_path: Path, break_: Break, record_property: RecordProperty
) -> None:
    with proxy_of(stack["AWS_ENDPOINT_URL"]) as bus:
        env = dict(stack) | {"AWS_ENDPOINT_URL_EVENTBRIDGE": bus.url}
        shop = Shop(env, tmp_path, SIZE, seed=1)
        with shop.open():
            eventually(lambda: not pending("shop"))
            with outage(bus, break_, seconds=0):
                shop.customers.shop(SIZE.users, SIZE.checkouts)
                assert shop.basket.statuses[503] < SIZE.checkouts / 10  # a machine that is not busy has none
                took = [checkout.ended - checkout.began for checkout in shop.customers.history]
                assert statistics.median(took) < 5, "checkouts wait for the bus"
                slowest = max(took)  # with the pauses between retries
                assert gather("shop").orders == []
                assert pending("shop") == {"basket-outbox": SIZE.checkouts}
            seconds = check_all_arrive(shop)
            record_property(
                "figures",
                f"bus down ({break_.__name__}): slowest 202 after {slowest:.1f} s, "
                f"all orders there {seconds:.1f} s after the outage",
            )


ROUTES: dict[str, list[tuple[str, str, Any]]] = {
    "product": [
        ("GET", "/product", None),
        ("POST", "/product", PHONE),
        ("GET", "/product/{id}", None),
        ("PUT", "/product/{id}", PHONE),
        ("PATCH", "/product/{id}", {"price": 1}),
        ("DELETE", "/product/{id}", None),
    ],
    "basket": [
        ("GET", "/basket", None),
        ("POST", "/basket", {"userName": "swn", "items": [{"productId": "phone", "quantity": 2}]}),
        ("POST", "/basket/checkout", CHECKOUT),
        ("GET", "/basket/{userName}", None),
        ("DELETE", "/basket/{userName}", None),
        ("POST", "/basket/{userName}/items", {"productId": "phone", "quantity": 2}),
        ("DELETE", "/basket/{userName}/items/{productId}", None),
    ],
    "ordering": [
        ("GET", "/order", None),
        ("GET", "/order/{userName}", None),
        ("GET", "/order/{userName}/{orderId}", None),
        ("POST", "/order/{userName}/{orderId}/cancel", None),
    ],
    "stock": [
        ("GET", "/stock/{productId}", None),
        ("PUT", "/stock/{productId}", {"available": 3}),
    ],
    "payment": [
        ("GET", "/payment/{userName}/{orderId}", None),
    ],
}
NAMES = {"userName": "swn", "id": "phone", "productId": "phone", "orderId": "o-1"}


def timed(method: str, url: str, body: Any = None) -> tuple[urllib3.BaseHTTPResponse, float]:
    """The answer, and how many seconds it took."""
    began = time.monotonic()
    content = {} if body is None else {"json": body}
    answer = urllib3.request(method, url, timeout=20, retries=False, **content)
    return answer, time.monotonic() - began


def ready(member: Member) -> bool:
    return timed("GET", f"{member.url}/health/ready")[0].status == 200


def documented(member: Member) -> set[tuple[str, str]]:
    paths = timed("GET", f"{member.url}/openapi.json")[0].json()["paths"]
    return {(method.upper(), path) for path, methods in paths.items() for method in methods}


@pytest.mark.e2e
@pytest.mark.parametrize("break_", WAYS)
def test_without_the_database_every_route_answers_503_within_5_seconds_and_readiness_recovers(
    stack: Mapping[str, str], tmp_path: Path, break_: Break
) -> None:
    with proxy_of(stack["AWS_ENDPOINT_URL"]) as database:
        env = dict(stack) | {"AWS_ENDPOINT_URL_DYNAMODB": database.url}
        product = web("product", env)
        members = [product, web("basket", env | {"PRODUCT_URL": product.url})]
        members += [web(service, env) for service in ("ordering", "stock", "payment")]
        with Fleet(members, tmp_path).running():
            for member in members:
                assert ready(member)
                assert documented(member) == {(method, path) for method, path, _ in ROUTES[member.name]}
            with outage(database, break_, seconds=0):
                calls = [
                    (method, member.url + path.format(**NAMES), body)
                    for member in members
                    for method, path, body in [*ROUTES[member.name], ("GET", "/health/ready", None)]
                ]
                with ThreadPoolExecutor(len(calls)) as pool:
                    answers = pool.map(lambda call: (call, *timed(*call)), calls)
                    lives = [pool.submit(timed, "GET", f"{member.url}/health/live") for member in members]
                for call, answer, seconds in answers:
                    assert (answer.status, answer.headers.get("Retry-After")) == (503, "2"), call
                    assert seconds < 5, call
                assert [live.result()[0].status for live in lives] == [200] * len(members)
            for member in members:
                eventually(partial(ready, member))
