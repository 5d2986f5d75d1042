"""The processes that fulfil orders, each behind a proxy of its own, and the orders that tests place."""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from chassis.core import instants
from services.basket.checkout import OrderIdentity
from services.ordering.commands_in import SweepOrders
from services.ordering.models import OrderRow
from services.ordering.store import OrderStore
from services.ordering.sweep import PATIENCE, Sweep
from services.ordering.wiring import Wiring as OrderingWiring
from services.stock.wiring import Wiring as StockWiring
from tests import aws_clients
from tests.resilience.books import Books, discrepancies
from tests.resilience.evidence import SAGA_QUEUES, pending
from tests.resilience.fault_injection.proxy import Proxy, proxy_of
from tests.resilience.processes import worker
from tests.samples import golden_message

WORKERS = {
    "ordering-consumer": "services.ordering.consumer",
    "ordering-commands": "services.ordering.command_consumer",
    "ordering-relay": "services.ordering.relay",
    "stock-consumer": "services.stock.consumer",
    "payment-consumer": "services.payment.consumer",
}
PRICE = Decimal("12.30")
SOON = PATIENCE + timedelta(seconds=10)  # how far the clock of the test's sweep is ahead


class Fulfilment:
    """`workers` are the processes by name, and `proxies` what each of them reaches AWS through."""

    def __init__(self, env: Mapping[str, str], logs: Path, proxies: Mapping[str, Proxy]) -> None:
        self.proxies = proxies
        self.workers = {
            name: worker(module, name, dict(env) | {"AWS_ENDPOINT_URL": proxies[name].url, "LOG_LEVEL": "INFO"})
            for name, module in WORKERS.items()
        }
        self._shop = env["SHOP_NAME"]
        self._logs = logs
        self._ordering = OrderingWiring(env)
        self._stock = StockWiring(env)
        self.put_in: dict[str, int] = {}

    @contextmanager
    def running(self) -> Iterator["Fulfilment"]:
        try:
            for name in self.workers:
                self.start(name)
            yield self
        finally:
            for member in self.workers.values():
                member.kill_if_running()

    def start(self, name: str) -> None:
        self.workers[name].start(self._logs)

    def kill(self, name: str) -> None:
        self.workers[name].kill()

    @property
    def crashed(self) -> list[str]:
        return [name for name, member in self.workers.items() if member.crashed]

    def put_stock(self, product: str, pieces: int) -> None:
        self._stock.service.set_available(product, pieces)
        self.put_in[product] = pieces

    def place(self, token: str = "tok_approved", **lines: int) -> str:
        """Publishes the event of a checkout. Returns the order's ID."""
        order = OrderIdentity.new(str(uuid.uuid4()), datetime.now(UTC), None)
        detail = golden_message()["detail"]
        detail["metadata"] |= {"id": order.order_id, "idempotency-key": order.order_id}
        detail["data"] |= {
            "orderId": order.order_id, "orderDate": order.order_date, "userName": "ann", "paymentToken": token,
            "items": [_line(name, quantity) for name, quantity in lines.items()],
            "totalPrice": sum(lines.values()) * PRICE,
        }  # fmt: skip
        aws_clients.client("events").put_events(
            Entries=[
                {
                    "EventBusName": f"{self._shop}-bus", "Source": "com.swn.basket.checkoutbasket",
                    "DetailType": "CheckoutBasket", "Detail": json.dumps(detail, default=float),
                }
            ]
        )  # fmt: skip
        return order.order_id

    def cancel(self, order_id: str) -> None:
        self._ordering.service.cancel("ann", order_id)

    def order(self, order_id: str) -> Any:
        return self._ordering.store.get("ann", order_id)

    def status(self, order_id: str) -> str:
        found = self.order(order_id)
        return found.status if found else ""

    def books(self) -> Books:
        return Books.of(self._shop)

    def sweep(self) -> None:
        """What the tick does a few minutes later: the test does not wait for it."""
        ahead = datetime.now(UTC) + SOON
        sweep = Sweep(_AttemptsOfToday(self._ordering.store), self._ordering.fulfilment, lambda: ahead)
        sweep.run(SweepOrders.model_validate({"time": instants.write(ahead)}))

    def settle(self, orders: int, within: float) -> tuple[list[str], float]:
        """Sweeps until `orders` orders are final and nothing waits. Returns what does not agree, and the seconds."""
        began = time.monotonic()
        while (left := self._unsettled(orders)) and time.monotonic() - began < within:
            time.sleep(0.5)
        return left, time.monotonic() - began

    def _unsettled(self, orders: int) -> list[str]:
        self.sweep()
        books = self.books()
        missing = [f"{len(books.orders)} of {orders} orders"] if len(books.orders) != orders else []
        return missing + discrepancies(books, self.put_in) + self._waiting()

    def _waiting(self) -> list[str]:
        return [f"{count} in {place}" for place, count in pending(self._shop, SAGA_QUEUES).items()]


class _AttemptsOfToday:
    """A store. An attempt begins now, although the clock of the sweep is ahead, so that the next sweep can end it."""

    def __init__(self, store: OrderStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def save(self, after: OrderRow, before: OrderRow, event: None) -> bool:
        now = instants.write(datetime.now(UTC))
        return self._store.save(after.model_copy(update={"attemptedAt": now}), before, event)


def _line(product: str, quantity: int) -> Mapping[str, Any]:
    return {"productId": product, "productName": product, "color": "", "price": PRICE, "quantity": quantity}


@contextmanager
def fulfilling(env: Mapping[str, str], logs: Path) -> Iterator[Fulfilment]:
    with ExitStack() as stack:
        proxies = {name: stack.enter_context(proxy_of(env["AWS_ENDPOINT_URL"])) for name in WORKERS}
        yield stack.enter_context(Fulfilment(env, logs, proxies).running())
