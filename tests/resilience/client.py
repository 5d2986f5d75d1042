"""The client of all resilience tests: it sends requests, retries where asked to, and records the answers."""

import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import urllib3

from tests.resilience.invariants import Checkout, Line, Outcome, Prices
from tests.samples import CHECKOUT

PATIENCE = 60.0  # seconds that a client goes on retrying
Response = urllib3.BaseHTTPResponse
Send = Callable[..., Response | None]


class ServiceClient:
    """Sends requests to the processes of one service in turn. Thread-safe."""

    def __init__(self, *urls: str, seed: int = 0, headers: Mapping[str, str] | None = None) -> None:
        self.statuses: Counter[int] = Counter()  # 0: no answer
        self.unexpected: list[str] = []  # answers that no injected fault explains
        self.broken: list[str] = []  # requests on an accepted connection that got no complete answer
        self._turn = itertools.cycle(urls)
        self._headers = dict(headers or {})
        timeout = urllib3.Timeout(connect=5, read=15)
        self._http = urllib3.PoolManager(maxsize=64, retries=False, timeout=timeout)
        self._random = random.Random(seed)  # noqa: S311 not for secrets
        self._lock = threading.Lock()

    def ask(self, method: str, path: str, body: Any, **headers: str) -> Response | None:
        """Sends the request once; None if its outcome is not known."""
        url = f"{next(self._turn)}{path}"
        try:
            answer = self._http.request(method, url, json=body, headers=self._headers | headers)
        except urllib3.exceptions.HTTPError as error:
            with self._lock:
                self.statuses[0] += 1
                if not isinstance(error, urllib3.exceptions.NewConnectionError):
                    self.broken.append(f"{method} {path}: {error!r}")
            return None
        with self._lock:
            self.statuses[answer.status] += 1
        if answer.status == 503 and answer.headers.get("Retry-After"):
            return None
        if answer.status >= 400 and answer.status != 404:  # 404: another checkout has emptied the basket
            self.unexpected.append(f"{method} {path}: {answer.status} {answer.data!r}")
        return answer

    def insist(self, method: str, path: str, body: Any, **headers: str) -> Response | None:
        """Retries with short pauses until the outcome is known; None if that takes longer than `PATIENCE`."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if (answer := self.ask(method, path, body, **headers)) is not None:
                return answer
            time.sleep(self._random.uniform(0.1, 0.7))
        return None


def fill(send: Send, user: str, lines: frozenset[Line]) -> Response | None:
    items = [{"productId": line.product, "color": line.color, "quantity": line.quantity} for line in lines]
    return send("POST", "/basket", {"userName": user, "items": items})


def check_out(send: Send, user: str, checkout: Checkout, *, key: bool = True) -> None:
    """Records the answer in `checkout`. With `key`, a repetition is the same request."""
    body = CHECKOUT | {"userName": user, "address": checkout.ref}
    headers = {"Idempotency-Key": checkout.ref.replace(" ", "-")} if key else {}
    if (answer := send("POST", "/basket/checkout", body, **headers)) is None:
        return
    checkout.ended = min(checkout.ended, time.monotonic())
    if answer.status != 202:
        checkout.outcome = Outcome.FAILED
        return
    checkout.outcome = Outcome.ACKNOWLEDGED
    checkout.answers.add(answer.data.decode())
    content = json.loads(answer.data, parse_float=Decimal, parse_int=Decimal)
    checkout.order_id, checkout.total = content["orderId"], content["totalPrice"]


class Catalogue:
    """The products: those for sale with every price they had, and others that only change."""

    def __init__(self, product: ServiceClient, seed: int) -> None:
        self.prices = Prices()
        self.for_sale: list[str] = []
        self.others: list[str] = []
        self._product = product
        self._random = random.Random(seed)  # noqa: S311 not for secrets

    def fill(self, for_sale: int, others: int) -> None:
        for _ in range(for_sale):
            sent, price = time.monotonic(), self._price()
            self.for_sale.append(self._create(price))
            self.prices.change(self.for_sale[-1], price, sent, time.monotonic())
        self.others = [self._create(self._price()) for _ in range(others)]

    @contextmanager
    def repriced(self, every: float) -> Iterator[None]:
        """Meanwhile one product for sale after the other gets another price, `every` so many seconds."""
        over = threading.Event()

        def reprice() -> None:
            for product in itertools.cycle(self.for_sale):
                if over.wait(every):
                    return
                sent, price = time.monotonic(), self._price()
                self._change("PATCH", product, {"price": float(price)})
                self.prices.change(product, price, sent, time.monotonic())

        with ThreadPoolExecutor(1, thread_name_prefix="prices") as pool:
            repricing = pool.submit(reprice)
            try:
                yield
            finally:
                over.set()
            repricing.result()

    def edit(self, changes: int, at_once: int = 8) -> None:
        """Changes the products that are not for sale; every hundredth change deletes one and creates another."""
        with ThreadPoolExecutor(at_once, thread_name_prefix="editor") as pool:
            list(pool.map(self._edit, range(changes)))

    def _edit(self, n: int) -> None:
        place = n % len(self.others)
        if n % 100 != 99:
            self._change("PATCH", self.others[place], {"price": float(self._price())})
            return
        self._change("DELETE", self.others[place], None)
        self.others[place] = self._create(self._price())

    def _create(self, price: Decimal) -> str:
        answer = self._product.insist("POST", "/product", {"name": "P", "category": "C", "price": float(price)})
        assert answer is not None
        return str(answer.json()["id"])

    def _change(self, method: str, product: str, body: Any) -> None:
        assert self._product.insist(method, f"/product/{product}", body) is not None

    def _price(self) -> Decimal:
        return Decimal(self._random.randint(1, 99_999)) / 100


class Customers:
    """They fill baskets and check them out, each at the same time as the others; `history` has every checkout."""

    def __init__(self, basket: ServiceClient, catalogue: Catalogue, seed: int) -> None:
        self.history: list[Checkout] = []
        self._basket = basket
        self._catalogue = catalogue
        self._seed = seed

    def shop(self, users: int, checkouts: int) -> None:
        """`checkouts` in all. If they cannot be the same for all users, the first ones have one more."""
        rounds = [checkouts // users + (user < checkouts % users) for user in range(users)]
        with ThreadPoolExecutor(users, thread_name_prefix="customer") as pool:
            list(pool.map(self._shop, range(users), rounds))

    def _shop(self, user: int, rounds: int) -> None:
        choose = random.Random(f"{self._seed}/{user}")  # noqa: S311 not for secrets
        for n in range(rounds):
            products = choose.sample(self._catalogue.for_sale, choose.choice([1, 1, 1, 1, 3]))
            lines = frozenset(Line(product, choose.choice(["", "Red"]), choose.randint(1, 9)) for product in products)
            self._buy(f"user-{user}", f"user-{user} {n}", lines)

    def _buy(self, user: str, basket: str, lines: frozenset[Line]) -> None:
        """One basket in ten is checked out twice at the same time under two keys: one checkout wins.

        One in ten is checked out again after the answer, with the same key: the answer is the same.
        """
        assert fill(self._basket.insist, user, lines) is not None, f"{user}'s basket was never filled"
        refs = [basket, f"{basket}, rival"] if basket.endswith("3") else [basket]
        checkouts = [Checkout(ref, basket, lines, time.monotonic()) for ref in refs]
        self.history += checkouts
        with ThreadPoolExecutor(len(checkouts)) as pool:
            list(pool.map(lambda checkout: check_out(self._basket.insist, user, checkout), checkouts))
        if basket.endswith("0"):
            check_out(self._basket.insist, user, checkouts[0])
