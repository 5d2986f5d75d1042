"""`shop demo`: buys something from the running shop and follows the order until it is there."""

import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bootstrap.errors import Failed
from shop.demo.client import Answer, Client

COLOURS = ("red", "blue", "black")
PAUSE = 0.05  # seconds between two questions for the order
BUYER = {
    "firstName": "Ada",
    "lastName": "Lovelace",
    "email": "ada@example.com",
    "address": "12 St James's Square, London",
    "cardInfo": "4111111111111111",  # a well-known test card
    "paymentMethod": 1,
}


@dataclass(frozen=True)
class Purchase:
    """What is bought, and what it must cost by a sum of our own."""

    user: str
    items: list[dict[str, Any]]
    total: Decimal

    @classmethod
    def of(cls, products: list[dict[str, Any]], user: str) -> "Purchase":
        """One of the first product, two of the second, and so on."""
        items = [
            {"productId": product["id"], "quantity": number, "color": COLOURS[number % len(COLOURS)]}
            for number, product in enumerate(products, 1)
        ]
        return cls(user, items, sum((Decimal(p["price"]) * n for n, p in enumerate(products, 1)), Decimal(0)))

    def compare(self, answer: Mapping[str, Any], what: str) -> None:
        total = answer.get("totalPrice")
        if total is None or Decimal(total) != self.total:
            raise Failed(f"The total of {what} is {total}, but the items cost {self.total}: that is a fault.")


@dataclass(frozen=True)
class Demo:
    """`urls` names the three services; `trace` is the command that shows what the logs say of this purchase."""

    urls: Mapping[str, str]
    client: Client
    say: Callable[[str], None]
    deadline: float
    trace: str

    def buy(self) -> None:
        self.say(f"Correlation id {self.client.correlation_id}\n")
        purchase = self._fill_basket()
        order = self._await_order(self._check_out(purchase))
        purchase.compare(order, "the order")
        self._call("basket", "GET", f"/{purchase.user}", expect=404)
        self.say(
            f"\nThe order {order['orderId']} of {purchase.user} is there: {len(purchase.items)} lines, "
            f"{order['totalPrice']} in all, as it should be. {self.client.milliseconds():.0f} ms from end to end."
        )

    def _call(self, service: str, method: str, path: str, *, expect: int, body: object = None, key: str = "") -> Answer:
        url = f"{self.urls[service]}/{service}{path}"
        return self.client.call(service, method, url, expect=expect, body=body, key=key)

    def _fill_basket(self) -> Purchase:
        page = self._call("product", "GET", "?limit=3", expect=200)
        products = [product for product in page.body["items"] if Decimal(product["price"]) > 0]
        if not products:
            raise Failed("The catalogue is empty: `make reset`, or `make up` of containers, seeds it.")
        purchase = Purchase.of(products, user=f"demo-{secrets.token_hex(4)}")
        self._call("basket", "POST", "", expect=200, body={"userName": purchase.user, "items": purchase.items})
        return purchase

    def _check_out(self, purchase: Purchase) -> Answer:
        body = BUYER | {"userName": purchase.user}
        accepted = self._call("basket", "POST", "/checkout", expect=202, body=body, key=uuid.uuid4().hex)
        purchase.compare(accepted.body, "the checkout's answer")
        if "location" not in accepted.headers:
            raise Failed("The checkout was accepted, but its answer has no Location to find the order at.")
        return accepted

    def _await_order(self, accepted: Answer) -> dict[str, Any]:
        """A 404 means "not yet": the event is on its way through bus, queue and consumer."""
        begun, url = self.client.milliseconds(), accepted.headers["location"]
        while (waited := self.client.milliseconds() - begun) < self.deadline * 1000:
            answer = self.client.ask("GET", url)
            if answer.status == 200:
                self.client.show("ordering", "GET", url, answer, waited)
                return answer.body
            if answer.status not in (404, 503):
                raise Failed(f"ordering answered {answer.status}: {answer.reason}.")
            time.sleep(PAUSE)
        raise Failed(
            f"Order {accepted.body['orderId']} did not arrive within {self.deadline:g} s: is ordering-consumer "
            f"running (`make status`)? A message that a killed consumer held comes back after up to 30 s. "
            f"Follow it with: {self.trace}"
        )


def run(
    urls: Mapping[str, str], deadline: float, trace: str, say: Callable[[str], None], correlation_id: str = ""
) -> None:
    """Raises `Failed` where the shop does not run, answers something else, or the order does not arrive.

    `trace` is the command that shows the logs of one correlation id.
    """
    client = Client(correlation_id or f"demo-{secrets.token_hex(4)}", say)
    trace = f"{trace} {client.correlation_id}"
    Demo(urls, client, say, deadline, trace).buy()
    say(f"\nIts way through every process: {trace}")
