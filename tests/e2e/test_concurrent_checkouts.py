"""Many who ask the same at once: one order, and everybody hears the same of it."""

import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import urllib3

from tests.processes import eventually
from tests.resilience.invariants import gather, pending
from tests.resilience.processes import Fleet, web, worker
from tests.samples import CHECKOUT, PHONE

pytestmark = pytest.mark.e2e
CROWD = 50
TRIES = 20
Answer = tuple[int, bytes, str]  # the Location is part of what a client hears


class Shop:
    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self._http = urllib3.PoolManager(maxsize=CROWD, block=True, retries=False, timeout=20)
        answer = self._ask("product", "POST", "/product", PHONE)
        self._product = answer.json()["id"]

    def fill(self, user: str) -> None:
        lines = [{"productId": self._product, "quantity": 2, "color": "Red"}]
        assert self._ask("basket", "POST", "/basket", {"userName": user, "items": lines}).status == 200

    def check_out(self, user: str, key: str | None = None, **changes: Any) -> Answer:
        headers = {"Idempotency-Key": key} if key else {}
        answer = self._ask("basket", "POST", "/basket/checkout", CHECKOUT | {"userName": user} | changes, headers)
        return answer.status, answer.data, answer.headers.get("Location", "")

    def insist(self, user: str, key: str | None) -> list[Answer]:
        """All that a client hears who asks again after each 503, until there is another answer."""
        heard = [self.check_out(user, key)]
        while heard[-1][0] == 503 and len(heard) < TRIES:
            heard.append(self.check_out(user, key))
        return heard

    def orders(self, *users: str) -> list[str]:
        """The ids of their orders, once nothing is on its way any more."""
        eventually(lambda: not pending("shop"))
        return sorted(str(order["orderId"]) for order in gather("shop").orders if order["userName"] in users)

    def _ask(
        self, service: str, method: str, path: str, body: Any, headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        return self._http.request(method, self._urls[service] + path, json=body, headers=headers)


def at_once(work: Sequence[tuple[str, str]], shop: Shop) -> list[list[Answer]]:
    with ThreadPoolExecutor(len(work), thread_name_prefix="client") as crowd:
        return list(crowd.map(lambda each: shop.insist(*each), work))


@pytest.fixture
def shop(stack: Mapping[str, str], tmp_path: Path) -> Iterator[Shop]:
    product = web("product", stack)
    basket = web("basket", dict(stack) | {"PRODUCT_URL": product.url, "WEB_WORKERS": "2"})
    consumer = worker("services.ordering.consumer", "consumer", stack)
    relay = worker("services.basket.relay", "relay", stack)
    catalogue = worker("services.basket.consumer", "basket-consumer", stack)
    fleet = Fleet([product, basket, consumer, relay, catalogue], tmp_path)
    with fleet.running():
        yield Shop({"product": product.url, "basket": basket.url})
        assert fleet.dead == []


def order_of(answer: Answer) -> str:
    status, body, location = answer
    assert status == 202, body
    return location.rpartition("/")[2]


def test_fifty_twins_with_one_key_make_one_order_and_hear_the_same_byte_for_byte(shop: Shop) -> None:
    shop.fill("swn")
    heard = at_once([("swn", "key")] * CROWD, shop)
    assert {status for answers in heard for status, _, _ in answers} <= {202, 503}
    (answer,) = {answers[-1] for answers in heard}
    assert shop.orders("swn") == [order_of(answer)]
    shop.fill("swn")
    assert shop.check_out("swn", "key") == answer, "a later repetition hears something else"
    assert shop.orders("swn") == [order_of(answer)]


def test_ten_keys_with_ten_twins_each_make_one_order_a_basket(shop: Shop) -> None:
    """Each key at a basket of its own, and all in a heap: no key meets another one's answer."""
    users = [f"user-{n}" for n in range(10)]
    for user in users:
        shop.fill(user)
    work = [(user, "key") for _ in range(10) for user in users]
    heard = dict.fromkeys(users, frozenset[Answer]())
    for (user, _), answers in zip(work, at_once(work, shop), strict=True):
        assert {status for status, _, _ in answers} <= {202, 503}
        heard[user] |= {answers[-1]}
    assert [len(answers) for answers in heard.values()] == [1] * 10
    assert shop.orders(*users) == sorted(order_of(answer) for answers in heard.values() for answer in answers)


def test_ten_keys_at_one_basket_make_one_order_for_one_of_them(shop: Shop) -> None:
    """The key that took the basket hears so from each of its twins; the nine others hear a definite no."""
    shop.fill("swn")
    keys = [str(uuid.uuid4()) for _ in range(10)]
    work = [("swn", key) for _ in range(10) for key in keys]
    heard: dict[str, set[Answer]] = {key: set() for key in keys}
    for (_, key), answers in zip(work, at_once(work, shop), strict=True):
        heard[key] |= {answers[-1]}
    statuses = Counter(frozenset(status for status, _, _ in answers) for answers in heard.values())
    assert statuses == {frozenset({202}): 1, frozenset({404}): 9}
    ((answer,),) = (answers for answers in heard.values() if {status for status, _, _ in answers} == {202})
    assert shop.orders("swn") == [order_of(answer)]


def test_of_twenty_without_a_key_one_gets_the_order_and_the_others_a_definite_no(shop: Shop) -> None:
    shop.fill("swn")
    with ThreadPoolExecutor(20) as crowd:
        answers = list(crowd.map(lambda _: shop.insist("swn", None)[-1], range(20)))
    assert Counter(status for status, _, _ in answers) == {202: 1, 404: 19}
    (answer,) = (answer for answer in answers if answer[0] == 202)
    assert shop.orders("swn") == [order_of(answer)]


def test_a_key_belongs_to_its_user_and_to_its_request(shop: Shop) -> None:
    for user in ("swn", "ada"):
        shop.fill(user)
    first, hers = shop.check_out("swn", "key"), shop.check_out("ada", "key")
    shop.fill("swn")
    status, body, _ = shop.check_out("swn", "key", address="Ankara")
    assert (status, b"Idempotency-Key" in body) == (422, True)
    assert shop.check_out("swn", "key") == first
    assert shop.orders("swn", "ada") == sorted([order_of(first), order_of(hers)])
