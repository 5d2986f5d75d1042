"""The customers: they fill baskets and check them out, retry until they know, and write down what they heard."""

import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import urllib3

from tests.resilience.invariants import Checkout, Line, Outcome, Prices

NO_ANSWER = urllib3.exceptions.HTTPError
PATIENCE = 60.0  # seconds that a customer goes on asking
PRODUCTS = 5
FACTS = {
    "firstName": "A",
    "lastName": "B",
    "email": "a@example.com",
    "cardInfo": "4111 1111 1111 3322",
    "paymentMethod": 1,
}


class Web:
    """Several processes of one service, asked in turn; `surprises` are answers that no fault excuses."""

    def __init__(self, urls: Sequence[str], seed: int) -> None:
        self.statuses: Counter[int] = Counter()  # 0 where no answer came
        self.surprises: list[str] = []
        self._turn = itertools.cycle(urls)
        self._http = urllib3.PoolManager(maxsize=64, retries=False, timeout=urllib3.Timeout(connect=1, read=10))
        self._dice = random.Random(seed)  # noqa: S311 a test's dice
        self._lock = threading.Lock()

    def ask(self, method: str, path: str, body: Any, **headers: str) -> urllib3.BaseHTTPResponse | None:
        """One try, with the next process; None where it is not known what happened."""
        try:
            answer = self._http.request(method, f"{next(self._turn)}{path}", json=body, headers=headers)
        except NO_ANSWER:
            self._count(0)
            return None
        self._count(answer.status)
        if answer.status == 503 and answer.headers.get("Retry-After"):
            return None
        if answer.status >= 400 and answer.status != 404:  # a rival may be told that the basket is gone
            self.surprises.append(f"{method} {path}: {answer.status} {answer.data!r}")
        assert answer.status < 500, answer.data
        return answer

    def insist(self, method: str, path: str, body: Any, **headers: str) -> urllib3.BaseHTTPResponse | None:
        """Tries until there is a definite answer, with short pauses; None if patience ends first."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if (answer := self.ask(method, path, body, **headers)) is not None:
                return answer
            time.sleep(self._dice.uniform(0.1, 0.7))
        return None

    def _count(self, status: int) -> None:
        with self._lock:
            self.statuses[status] += 1


class Catalogue:
    """The products, and their prices as they change."""

    def __init__(self, web: Web, seed: int) -> None:
        self.prices = Prices()
        self.products: list[str] = []
        self._web = web
        self._dice = random.Random(seed)  # noqa: S311 a test's dice

    def fill(self) -> None:
        for n in range(PRODUCTS):
            sent, price = time.monotonic(), self._price()
            answer = self._web.insist("POST", "/product", {"name": f"P{n}", "category": "C", "price": float(price)})
            assert answer is not None
            self.products.append(str(answer.json()["id"]))
            self.prices.change(self.products[-1], price, sent, time.monotonic())

    @contextmanager
    def repriced(self, every: float) -> Iterator[None]:
        """Meanwhile one product after the other gets another price."""
        over = threading.Event()

        def reprice() -> None:
            for product in itertools.cycle(self.products):
                if over.wait(every):
                    return
                self._change(product)

        changer = threading.Thread(target=reprice, name="prices")
        changer.start()
        try:
            yield
        finally:
            over.set()
            changer.join()

    def _change(self, product: str) -> None:
        sent, price = time.monotonic(), self._price()
        assert self._web.insist("PATCH", f"/product/{product}", {"price": float(price)}) is not None
        self.prices.change(product, price, sent, time.monotonic())

    def _price(self) -> Decimal:
        return Decimal(self._dice.randint(1, 99_999)) / 100


class Customers:
    """`history` has every checkout of theirs."""

    def __init__(self, basket: Web, catalogue: Catalogue, seed: int) -> None:
        self.history: list[Checkout] = []
        self._basket = basket
        self._catalogue = catalogue
        self._seed = seed

    def shop(self, users: int, checkouts: int) -> None:
        """Each of `users` at once with the others, one checkout after the other, `checkouts` in all."""
        with ThreadPoolExecutor(users, thread_name_prefix="customer") as crowd:
            list(crowd.map(self._shop, range(users), [checkouts // users] * users))

    def _shop(self, user: int, rounds: int) -> None:
        dice = random.Random(f"{self._seed}/{user}")  # noqa: S311 a test's dice
        for n in range(rounds):
            lines = frozenset(
                Line(product, dice.choice(["", "Red"]), dice.randint(1, 9))
                for product in dice.sample(self._catalogue.products, dice.choice([1, 1, 1, 1, 3]))
            )
            self._buy(f"user-{user}", f"user-{user} {n}", lines)

    def _buy(self, user: str, basket: str, lines: frozenset[Line]) -> None:
        """Every tenth customer sends the checkout again although it is answered, and shall hear the same; every tenth
        has a rival: the same basket checked out at the same time under another key, of which one shall win."""
        items = [{"productId": line.product, "color": line.color, "quantity": line.quantity} for line in lines]
        filled = self._basket.insist("POST", "/basket", {"userName": user, "items": items})
        assert filled is not None, f"{user}'s basket was never filled"
        refs = [basket, f"{basket}, rival"] if basket.endswith("3") else [basket]
        checkouts = [Checkout(ref, basket, lines, time.monotonic()) for ref in refs]
        self.history += checkouts
        with ThreadPoolExecutor(len(checkouts)) as rivals:
            list(rivals.map(self._check_out, checkouts, [user] * len(checkouts)))
        if basket.endswith("0"):
            self._check_out(checkouts[0], user)

    def _check_out(self, checkout: Checkout, user: str) -> None:
        body = {"userName": user, "address": checkout.ref} | FACTS
        key = {"Idempotency-Key": checkout.ref.replace(" ", "-")}
        if (answer := self._basket.insist("POST", "/basket/checkout", body, **key)) is None:
            return
        checkout.ended = min(checkout.ended, time.monotonic())
        if answer.status == 202:
            checkout.outcome = Outcome.ACKNOWLEDGED
            checkout.answers.add(answer.data.decode())
            told = json.loads(answer.data, parse_float=Decimal, parse_int=Decimal)
            checkout.order_id, checkout.total = told["orderId"], told["totalPrice"]
        else:
            checkout.outcome = Outcome.FAILED
