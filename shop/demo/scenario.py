"""`make demo`: buys something from the running shop and follows the order until it is there."""

import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bootstrap.errors import Failed
from shop.demo.client import Answer, Client

CARD = "4111111111111111"  # everybody's test card
COLOURS = ("red", "blue", "black")
PAUSE = 0.05


@dataclass(frozen=True)
class Purchase:
    """What is bought, and what it must cost by our own sum."""

    user: str
    items: list[dict[str, Any]]
    total: Decimal

    @classmethod
    def of(cls, products: list[dict[str, Any]], user: str) -> "Purchase":
        items = [
            {
                "productId": product["id"],
                "quantity": number,
                "color": COLOURS[number % len(COLOURS)],
            }
            for number, product in enumerate(products, 1)
        ]
        total = sum((Decimal(p["price"]) * number for number, p in enumerate(products, 1)), Decimal(0))
        return cls(user, items, total)


@dataclass(frozen=True)
class Demo:
    """`urls` names the three services; `trace` is the command that shows what the logs say of this purchase."""

    urls: Mapping[str, str]
    client: Client
    say: Callable[[str], None]
    deadline: float
    trace: str
    key: str = field(default_factory=lambda: uuid.uuid4().hex)

    def buy(self) -> None:
        self.say(f"Correlation id {self.client.correlation_id}\n")
        purchase = self._fill_basket()
        receipt = self._check_out(purchase)
        order = self._await_order(receipt)
        self._compare(order.body, purchase, "the order")
        self._basket_is_empty(purchase)
        self.say(
            f"\nThe order {order.body['orderId']} of {purchase.user} is there: {len(purchase.items)} lines, "
            f"{order.body['totalPrice']} in all, as it should be. {self.client.since_start():.0f} ms from end to end."
        )

    def _fill_basket(self) -> Purchase:
        page = self.client.call("product", "GET", f"{self.urls['product']}/product?limit=3", expect=200)
        products = [p for p in page.body["items"] if Decimal(p["price"]) > 0]
        if not products:
            raise Failed("The catalogue is empty: `make reset`, or `make up` of containers, seeds it.")
        purchase = Purchase.of(products, user=f"demo-{uuid.uuid4().hex[:8]}")
        self.client.call(
            "basket",
            "POST",
            f"{self.urls['basket']}/basket",
            expect=200,
            body={"userName": purchase.user, "items": purchase.items},
        )
        return purchase

    def _check_out(self, purchase: Purchase) -> Answer:
        receipt = self.client.call(
            "basket",
            "POST",
            f"{self.urls['basket']}/basket/checkout",
            expect=202,
            body=_checkout(purchase.user),
            headers={"Idempotency-Key": self.key},
        )
        self._compare(receipt.body, purchase, "the checkout's answer")
        if "location" not in receipt.headers:
            raise Failed("The checkout was accepted, but its answer has no Location to find the order at.")
        return receipt

    def _await_order(self, receipt: Answer) -> Answer:
        """A 404 means "not yet": the event is on its way through bus, queue and consumer."""
        begun = time.monotonic()
        while time.monotonic() - begun < self.deadline:
            answer = self.client.ask("GET", receipt.headers["location"])
            if answer.status == 200:
                self.client.show("ordering", "GET", receipt.headers["location"], answer, time.monotonic() - begun)
                return answer
            if answer.status not in (404, 503):
                raise Failed(f"ordering answered {answer.status}: {answer.reason}.")
            time.sleep(PAUSE)
        raise Failed(
            f"Order {receipt.body['orderId']} did not arrive within {self.deadline:g} s: is ordering-consumer "
            f"running (`make status`)? One that was killed holds its message for up to 30 s. "
            f"Follow it with: {self.trace}"
        )

    def _basket_is_empty(self, purchase: Purchase) -> None:
        self.client.call("basket", "GET", f"{self.urls['basket']}/basket/{purchase.user}", expect=404)

    def _compare(self, answer: Mapping[str, Any], purchase: Purchase, what: str) -> None:
        total = answer.get("totalPrice")
        if total is None or Decimal(total) != purchase.total:
            raise Failed(f"The total of {what} is {total}, but the items cost {purchase.total}: that is a fault.")


def run(
    urls: Mapping[str, str],
    deadline: float,
    trace: str,
    say: Callable[[str], None],
    correlation_id: str = "",
) -> int:
    """Raises `Failed` where the shop does not run, answers something else, or the order does not arrive.

    `trace` is the command that shows the logs of one correlation id.
    """
    client = Client(correlation_id or _fresh_id(), say)
    Demo(urls, client, say, deadline, f"{trace} {client.correlation_id}").buy()
    say(f"\nIts way through every process: {trace} {client.correlation_id}")
    return 0


def _fresh_id() -> str:
    return f"demo-{random.randrange(16**8):08x}"  # noqa: S311 a name, not a secret


def _checkout(user: str) -> dict[str, Any]:
    return {
        "userName": user,
        "firstName": "Ada",
        "lastName": "Lovelace",
        "email": "ada@example.com",
        "address": "12 St James's Square, London",
        "cardInfo": CARD,
        "paymentMethod": 1,
    }
