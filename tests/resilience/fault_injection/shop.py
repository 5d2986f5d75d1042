"""The whole shop as processes, with its customers and its catalogue."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.resilience.client import Catalogue, Customers, ServiceClient
from tests.resilience.invariants import QUIET_WITHIN, Violation, settle
from tests.resilience.processes import Fleet, web, worker

FOR_SALE, OTHERS = 5, 25  # products


@dataclass
class Size:
    users: int = 50
    checkouts: int = 2000
    edits: int = 500  # changes of products that are not for sale
    baskets: int = 2
    consumers: int = 3
    relays: int = 2
    faults: float = 0.2  # share of calls
    kill_every: float = 2.0  # seconds
    price_every: float = 1.0


class Shop:
    """`of_consumers` is the environment of ordering's consumers, if it differs from `env`."""

    def __init__(
        self, env: Mapping[str, str], logs: Path, size: Size, seed: int, of_consumers: Mapping[str, str] | None = None
    ) -> None:
        self._name = env["SHOP_NAME"]
        self._size = size
        product = web("product", env)
        with_product = dict(env) | {"PRODUCT_URL": product.url}
        baskets = [web("basket", with_product, f"basket-{n}") for n in range(size.baskets)]
        consumer_env = dict(of_consumers or env) | {"LOG_LEVEL": "INFO"}
        workers = [
            *(worker("services.basket.relay", f"relay-{n}", env) for n in range(size.relays)),
            *(worker("services.ordering.consumer", f"consumer-{n}", consumer_env) for n in range(size.consumers)),
            worker("services.product.relay", "product-relay", env),
            *(worker("services.basket.consumer", f"basket-consumer-{n}", env) for n in range(size.baskets)),
        ]
        self.fleet = Fleet([product, *baskets, *workers], logs)
        self.product = ServiceClient(product.url, seed=seed)
        self.basket = ServiceClient(*(member.url for member in baskets), seed=seed)
        self.catalogue = Catalogue(self.product, seed)
        self.customers = Customers(self.basket, self.catalogue, seed)

    @contextmanager
    def open(self) -> Iterator["Shop"]:
        with self.fleet.running():
            self.catalogue.fill(FOR_SALE, OTHERS if self._size.edits else 0)
            yield self

    def settle(self) -> tuple[list[Violation], float]:
        """What is still violated once all is quiet, and after how many seconds that was."""
        return settle(self._name, self.customers.history, self.catalogue.prices, QUIET_WITHIN)

    @property
    def unexpected(self) -> list[str]:
        return self.basket.unexpected + self.product.unexpected

    def orders_by_consumer(self) -> dict[str, int]:
        """How many orders each consumer logged as placed. A killed consumer may have lost its last lines."""
        logs = self.fleet.logs.glob("consumer-*.log")
        return {log.stem: log.read_text().count('"order placed"') for log in logs}
