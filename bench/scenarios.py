"""What is measured: requests to the web processes, the work of the workers, and starts."""

import json
from typing import Any, NamedTuple

from bench.load import Request

CHECKOUT = {"userName": "ann", "firstName": "Ann", "lastName": "Lee", "email": "ann@example.com"}
CHECKOUT |= {"address": "1 Harbour Street", "cardInfo": "5554443322"}
LINE = {"productId": "p-1", "quantity": 1, "color": "Red"}


class Web(NamedTuple):
    """A request, and the fields of its JSON that differ each time or that peers do not have."""

    name: str
    service: str
    request: Request
    varying: frozenset[str] = frozenset()

    def comparable(self, answer: bytes) -> Any:
        parsed = json.loads(answer)
        return parsed | dict.fromkeys(self.varying & parsed.keys(), "…")


class Worker(NamedTuple):
    """A process that works without pause, and what the backend counts for it."""

    name: str
    kind: str
    counted: str


WEB = [
    Web("GET one product", "product", Request("GET", "/product/p-1")),
    Web("GET a category of 20", "product", Request("GET", "/product?category=20&limit=20")),
    Web("GET a category of 100", "product", Request("GET", "/product?category=100&limit=100")),
    Web("Add to a basket", "basket", Request("POST", "/basket/ann/items", json.dumps(LINE))),
    Web(
        "Checkout", "basket", Request("POST", "/basket/checkout", json.dumps(CHECKOUT | {"paymentMethod": 1})),
        frozenset({"orderId", "orderDate"}),
    ),
]  # fmt: skip
WORKERS = [
    Worker("Consume the order queue", "consume", "messages"),
    Worker("Relay an outbox", "relay", "events"),
]
STARTS = ["product", "basket", "ordering"]
NAMES = [*(each.name for each in WEB + WORKERS), "Start"]
