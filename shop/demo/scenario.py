"""`shop demo`: buys something from the running shop and follows the order to its final status."""

import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bootstrap.errors import Failed
from shop.demo.client import Answer, Client
from shop.output import SHOP

COLOURS = ("red", "blue", "black")
PAUSE = 0.05  # seconds between two questions for the order
FINAL = {"CONFIRMED", "REJECTED", "CANCELLED"}
APPROVED = "4111111111111111"  # a well-known test card
DECLINED = "4000000000000002"
SOLD_OUT = " One of its products is sold out. Raise its stock at /shop/admin, or empty the shop with `make reset`."
BUYER = {
    "firstName": "Ada",
    "lastName": "Lovelace",
    "email": "ada@example.com",
    "address": "12 St James's Square, London",
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
    """`urls` names the services; `trace` is the command that shows what the logs say of this purchase.

    `deadline` is in seconds. Without a `card` the order must be confirmed.
    """

    user: str
    urls: Mapping[str, str]
    client: Client
    say: Callable[[str], None]
    deadline: float
    trace: str
    card: str | None = None

    def buy(self) -> None:
        self.say(f"Correlation id {self.client.correlation_id}\n")
        purchase = self.fill_basket()
        order, milliseconds = self._await_end(self.check_out(purchase))
        purchase.compare(order, "the order")
        self._call("basket", "GET", f"/{purchase.user}", expect=404)
        reason = f" ({order['reason']})" if order.get("reason") else ""
        self.say(
            f"\nThe order {order['orderId']} of {purchase.user} is {order['status']}{reason}, {milliseconds:.0f} ms "
            f"after the 202: {len(purchase.items)} lines, {order['totalPrice']:.2f} in all, as the catalogue says."
        )
        if self.card is None and order["status"] != "CONFIRMED":
            why = SOLD_OUT if order.get("reason") == "OUT_OF_STOCK" else ""
            raise Failed(f"It should be CONFIRMED.{why} `{SHOP} order {order['orderId']}` shows its way.")
        self._suggest(order["orderId"])

    def _suggest(self, order_id: str) -> None:
        self.say(f"\nIts way, step by step:         {SHOP} order {order_id}")
        self.say(f"Its way through every process: {self.trace}")
        if self.card is None:
            self.say(f"A card that is declined:       {SHOP} demo --card {DECLINED}")

    def _call(self, service: str, method: str, path: str, *, expect: int, body: object = None, key: str = "") -> Answer:
        url = f"{self.urls[service]}/{service}{path}"
        return self.client.call(service, method, url, expect=expect, body=body, key=key)

    def fill_basket(self) -> Purchase:
        """With the first products of the catalogue. Raises `Failed`."""
        page = self._call("product", "GET", "?limit=3", expect=200)
        products = [product for product in page.body["items"] if Decimal(product["price"]) > 0]
        if not products:
            raise Failed("The catalogue is empty: `make reset`, or `make up` of containers, seeds it.")
        purchase = Purchase.of(products, self.user)
        self._call("basket", "POST", "", expect=200, body={"userName": purchase.user, "items": purchase.items})
        return purchase

    def check_out(self, purchase: Purchase) -> Answer:
        """The answer has the order's id. Raises `Failed`."""
        body = BUYER | {"userName": purchase.user, "cardInfo": self.card or APPROVED}
        accepted = self._call("basket", "POST", "/checkout", expect=202, body=body, key=uuid.uuid4().hex)
        purchase.compare(accepted.body, "the checkout's answer")
        if "location" not in accepted.headers:
            raise Failed("The checkout was accepted, but its answer has no Location to find the order at.")
        return accepted

    def _await_end(self, accepted: Answer) -> tuple[dict[str, Any], float]:
        """The order in its final status, and the milliseconds until then. Shows each status that it has on the way.

        A 404 means "not yet": the event is on its way through bus, queue and consumer.
        """
        begun, url, status = self.client.milliseconds(), accepted.headers["location"], ""
        while (waited := self.client.milliseconds() - begun) < self.deadline * 1000:
            answer = self.client.ask("GET", url)
            if answer.status == 200 and answer.body["status"] != status:
                status = answer.body["status"]
                self.client.show("ordering", "GET", url, answer, waited, status)
            if status in FINAL:
                return answer.body, waited
            if answer.status not in (200, 404, 503):
                raise Failed(f"ordering answered {answer.status}: {answer.reason}.")
            time.sleep(PAUSE)
        raise Failed(self._late(accepted.body["orderId"], status))

    def _late(self, order_id: str, status: str) -> str:
        if status:
            return f"Order {order_id} is {status} after {self.deadline:g} s. What it waits for: {SHOP} order {order_id}"
        return (
            f"Order {order_id} did not arrive within {self.deadline:g} s: is ordering-consumer "
            f"running (`make status`)? A message that a killed consumer held comes back after up to 30 s. "
            f"Follow it with: {self.trace}"
        )


def run(
    urls: Mapping[str, str],
    deadline: float,
    trace: str,
    say: Callable[[str], None],
    correlation_id: str = "",
    sign: Callable[[str], str] = lambda _user: "",
    card: str | None = None,
) -> None:
    """Raises `Failed` where the shop does not run, answers something else, or the order does not arrive or end.

    `trace` is the command that shows the logs of one correlation id. `sign` makes the token of a user.
    """
    user = f"demo-{secrets.token_hex(4)}"
    client = Client(correlation_id or f"demo-{secrets.token_hex(4)}", say, sign(user))
    trace = f"{trace} {client.correlation_id}"
    Demo(user, urls, client, say, deadline, trace, card).buy()
