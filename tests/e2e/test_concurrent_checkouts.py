"""Many concurrent checkouts of one basket make one order, and all requests with one key get the same answer."""

import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.processes import eventually
from tests.resilience.client import ServiceClient, fill
from tests.resilience.evidence import gather, pending
from tests.resilience.invariants import Line
from tests.resilience.processes import Fleet, web, worker
from tests.samples import CHECKOUT, PHONE

pytestmark = pytest.mark.e2e


class Answer(NamedTuple):
    status: int
    body: bytes
    location: str

    @property
    def order_id(self) -> str:
        assert self.status == 202, self.body
        return self.location.rpartition("/")[2]


class Shop:
    def __init__(self, product: str, basket: str) -> None:
        answer = ServiceClient(product).ask("POST", "/product", PHONE)
        assert answer is not None
        self._lines = frozenset({Line(answer.json()["id"], "Red", 2)})
        self._basket = ServiceClient(basket)

    def fill(self, *users: str) -> None:
        for user in users:
            assert fill(self._basket.ask, user, self._lines) is not None

    def check_out(self, user: str, key: str | None = None, address: str = "Istanbul") -> Answer:
        """The first response that is not a 503."""
        headers = {"Idempotency-Key": key} if key else {}
        body = CHECKOUT | {"userName": user, "address": address}
        answer = self._basket.insist("POST", "/basket/checkout", body, **headers)
        assert answer is not None
        return Answer(answer.status, answer.data, answer.headers.get("Location", ""))

    def at_once(self, *requests: tuple[str, str | None]) -> dict[tuple[str, str | None], set[Answer]]:
        """The distinct responses to each request."""
        with ThreadPoolExecutor(len(requests), thread_name_prefix="client") as pool:
            answers = list(pool.map(lambda request: self.check_out(*request), requests))
        assert set(self._basket.statuses) <= {200, 202, 404, 503}
        return {each: {answer for request, answer in zip(requests, answers, strict=True) if request == each}
                for each in requests}  # fmt: skip

    def orders(self) -> list[str]:
        """The order IDs, after the outbox and the queue are empty."""
        eventually(lambda: not pending("shop"))
        return sorted(str(order["orderId"]) for order in gather("shop").orders)


@pytest.fixture
def shop(stack: Mapping[str, str], tmp_path: Path) -> Iterator[Shop]:
    product = web("product", stack)
    basket = web("basket", dict(stack) | {"PRODUCT_URL": product.url, "WEB_WORKERS": "2"})
    workers = [
        worker(f"services.{name}", name, stack) for name in ("ordering.consumer", "basket.relay", "basket.consumer")
    ]
    fleet = Fleet([product, basket, *workers], tmp_path)
    with fleet.running():
        yield Shop(product.url, basket.url)
        assert fleet.crashed == []


def test_fifty_concurrent_checkouts_with_one_key_place_one_order(shop: Shop) -> None:
    shop.fill("swn")
    ((answer,),) = shop.at_once(*[("swn", "key")] * 50).values()
    assert shop.orders() == [answer.order_id]
    shop.fill("swn")
    assert shop.check_out("swn", "key") == answer, "a later repetition gets another answer"
    assert shop.orders() == [answer.order_id]


def test_ten_baskets_with_ten_concurrent_checkouts_each_make_one_order_each(shop: Shop) -> None:
    """All use the same key, which belongs to its user."""
    users = [f"user-{n}" for n in range(10)]
    shop.fill(*users)
    answers = [answer for each in shop.at_once(*[(user, "key") for user in users] * 10).values() for answer in each]
    assert shop.orders() == sorted(answer.order_id for answer in answers)
    assert len(answers) == 10


def test_ten_concurrent_keys_at_one_basket_make_one_order_and_nine_get_404(shop: Shop) -> None:
    """Each key is sent ten times."""
    shop.fill("swn")
    by_key = shop.at_once(*[("swn", str(uuid.uuid4())) for _ in range(10)] * 10).values()
    statuses = sorted(tuple({answer.status for answer in answers}) for answers in by_key)
    assert statuses == [(202,)] + [(404,)] * 9
    (answer,) = {answer for answers in by_key for answer in answers if answer.status == 202}
    assert shop.orders() == [answer.order_id]


def test_twenty_concurrent_checkouts_without_a_key_make_one_order_and_nineteen_get_404(shop: Shop) -> None:
    shop.fill("swn")
    with ThreadPoolExecutor(20) as pool:
        answers = sorted(pool.map(lambda _: shop.check_out("swn"), range(20)))
    assert [answer.status for answer in answers] == [202] + [404] * 19
    assert shop.orders() == [answers[0].order_id]


def test_a_key_belongs_to_its_user_and_to_its_request(shop: Shop) -> None:
    shop.fill("swn", "ada")
    first, hers = shop.check_out("swn", "key"), shop.check_out("ada", "key")
    shop.fill("swn")
    another = shop.check_out("swn", "key", address="Ankara")
    assert (another.status, b"Idempotency-Key" in another.body) == (422, True)
    assert shop.check_out("swn", "key") == first
    assert shop.orders() == sorted([first.order_id, hers.order_id])
