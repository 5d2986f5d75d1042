"""A customer: visits the shop, buys, and follows each order to its end."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Protocol, TypeVar

from load.mix import COLOURS, Checkout, Visit
from load.orders import ended
from load.record import Entry, Record

T = TypeVar("T")
CHECKOUT = "POST /basket/checkout"
END_TO_END = "202 → final status"
TRIES = 6
LONGEST_PAUSE = 8.0  # seconds between two questions for an order
PATIENCE = 600.0  # seconds that a customer follows an order
BUYER = {
    "firstName": "Ada",
    "lastName": "Lovelace",
    "email": "ada@example.com",
    "address": "12 St James's Square, London",
    "paymentMethod": 1,
}


@dataclass(frozen=True)
class Answer:
    """`status` is 0 and `body` is empty where no answer came. `at` is in seconds since 1970."""

    status: int
    body: Mapping[str, Any]
    at: float
    milliseconds: float


class Browser(Protocol):
    """What a customer needs. `ask` reports a status that is not in `expect` as a failure under `name`."""

    def ask(
        self, name: str, method: str, url: str, *, expect: Collection[int], body: Any = None, key: str = ""
    ) -> Answer: ...

    def at_once(self, calls: Collection[Callable[[], T]]) -> list[T]: ...

    def later(self, call: Callable[[], None]) -> None: ...

    def sleep(self, seconds: float) -> None: ...

    def now(self) -> float: ...

    def measured(self, name: str, milliseconds: float) -> None: ...


class VisitEnded(Exception):
    """The shop did not answer as it should, and the customer leaves. The failure is reported already."""


@dataclass
class Shopper:
    user: str
    urls: Mapping[str, str]
    browser: Browser
    record: Record
    rng: Random
    categories: list[str] = field(default_factory=list)

    def visit(self, visit: Visit) -> None:
        """Raises VisitEnded."""
        for product in self._look(visit):
            self._add(product)
        if not visit.adds:
            return
        basket = self._basket()
        if visit.removes and len(basket["items"]) > 1:
            self._remove(basket["items"][0])
            basket = self._basket()
        if visit.checkout:
            self._check_out(visit, basket["totalPrice"])

    def _look(self, visit: Visit) -> list[Mapping[str, Any]]:
        """The products that the shopper adds."""
        seen: list[Mapping[str, Any]] = []
        for opens in visit.opens:
            page = self._ask("GET /product?category=", "GET", self._listed())
            seen += page["items"]
            for product in self.rng.sample(page["items"], min(opens, len(page["items"]))):
                self._ask("GET /product/{id}", "GET", f"{self.urls['product']}/product/{product['id']}")
        return self.rng.choices(seen, k=visit.adds) if seen else []

    def _listed(self) -> str:
        if not self.categories:
            page = self._ask("GET /product", "GET", f"{self.urls['product']}/product?limit=100")
            self.categories = sorted({product["category"] for product in page["items"]})
        if not self.categories:
            raise VisitEnded("the catalogue is empty")
        return f"{self.urls['product']}/product?category={self.rng.choice(self.categories)}"

    def _add(self, product: Mapping[str, Any]) -> None:
        line = {"productId": product["id"], "quantity": self.rng.randint(1, 2), "color": self.rng.choice(COLOURS)}
        self._ask("POST /basket/{userName}/items", "POST", f"{self._mine}/items", body=line)

    def _basket(self) -> Mapping[str, Any]:
        return self._ask("GET /basket/{userName}", "GET", self._mine)

    def _remove(self, line: Mapping[str, Any]) -> None:
        url = f"{self._mine}/items/{line['productId']}?color={line['color']}"
        self._ask("DELETE /basket/{userName}/items/{productId}", "DELETE", url, expect={204})

    @property
    def _mine(self) -> str:
        return f"{self.urls['basket']}/basket/{self.user}"

    def _check_out(self, visit: Visit, total: float) -> None:
        if visit.checkout is Checkout.STALE_TOTAL:
            name = f"{CHECKOUT} with a stale total"
            total = self._click(visit, self._key(), total + 1, {409}, name).body.get("totalPrice", total)
        accepted = self._buy(visit, total)
        self.browser.later(partial(self._follow, accepted, cancels=visit.cancels))

    def _buy(self, visit: Visit, total: float) -> Answer:
        """The 202. A customer accepts the new total of a 409, and asks again with the same key if no answer came."""
        key, clicks = self._key(), 2 if visit.checkout is Checkout.DOUBLE_CLICK else 1
        for _ in range(TRIES):
            click = partial(self._click, visit, key, total, {202, 409})
            answer = min(self.browser.at_once([click] * clicks), key=lambda it: it.status or 999)
            if answer.status == 202:
                return answer
            if answer.status != 409:
                self._think()
            elif "totalPrice" in answer.body:
                total, key = answer.body["totalPrice"], self._key()
            else:
                break
        raise VisitEnded("the checkout failed")

    def _click(self, visit: Visit, key: str, total: float, expect: Collection[int], name: str = CHECKOUT) -> Answer:
        body = BUYER | {"userName": self.user, "cardInfo": visit.card, "expectedTotal": total}
        self.record.add(Entry(self.browser.now(), self.user, key))
        url = f"{self.urls['basket']}/basket/checkout"
        answer = self.browser.ask(name, "POST", url, expect=expect, body=body, key=key)
        order_id = answer.body.get("orderId", "") if answer.status == 202 else ""
        self.record.add(Entry(answer.at, self.user, key, answer.status, order_id, answer.milliseconds))
        return answer

    def _key(self) -> str:
        return f"{self.rng.getrandbits(128):032x}"

    def _follow(self, accepted: Answer, *, cancels: bool) -> None:
        """The end is the instant in the order's history, so that asking rarely makes no order look slow."""
        url = f"{self.urls['ordering']}/order/{self.user}/{accepted.body['orderId']}"
        for pause in self._pauses():
            self.browser.sleep(pause)
            answer = self.browser.ask("GET /order/{userName}/{orderId}", "GET", url, expect={200, 404})
            if answer.status == 200 and cancels:
                cancels = False
                name = "POST /order/{userName}/{orderId}/cancel"
                self.browser.ask(name, "POST", f"{url}/cancel", expect={200, 202, 409})
            elif at := ended(answer.body.get("history", [])):
                self.browser.measured(END_TO_END, (at - accepted.at) * 1000)
                return

    def _pauses(self) -> Iterator[float]:
        pause, until = 0.4, self.browser.now() + PATIENCE
        while self.browser.now() < until:
            yield pause
            pause = min(pause * 1.5, LONGEST_PAUSE)

    def _think(self) -> None:
        self.browser.sleep(self.rng.uniform(0.1, 0.7))

    def _ask(
        self, name: str, method: str, url: str, *, expect: Collection[int] = (200,), body: Any = None
    ) -> Mapping[str, Any]:
        self._think()
        answer = self.browser.ask(name, method, url, expect=expect, body=body)
        if answer.status not in expect:
            raise VisitEnded(f"{name} answered {answer.status}")
        return answer.body
