"""A storm over the whole shop: faults on the calls, kills among the processes, and the auditor when it is over."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.resilience.client import Catalogue, Customers, Web
from tests.resilience.fault_injection import faults
from tests.resilience.fault_injection.proxy import Proxy
from tests.resilience.invariants import Violation, audit, gather, pending
from tests.resilience.processes import Fleet, web, worker

QUIET_WITHIN = 75.0
SEEDS = (1, 2, 3)


def seeds(env: Mapping[str, str]) -> list[int]:
    """Those of CI, or the one to be replayed."""
    return [int(env["SHOP_SEED"])] if env.get("SHOP_SEED") else list(SEEDS)


@dataclass
class Size:
    users: int = 50
    checkouts: int = 2000
    baskets: int = 2
    consumers: int = 3
    relays: int = 2
    faults: float = 0.2
    kill_every: float = 2.0
    price_every: float = 1.0


class Shop:
    """The processes, their customers and what they left behind; the consumers may have an environment of their own."""

    def __init__(
        self, env: Mapping[str, str], logs: Path, size: Size, seed: int, of_consumers: Mapping[str, str] | None = None
    ) -> None:
        self._stack = env["SHOP_NAME"]
        product = web("product", env)
        peers = dict(env) | {"PRODUCT_URL": product.url}
        baskets = [web("basket", peers, f"basket-{n}") for n in range(size.baskets)]
        relays = [worker("services.basket.relay", f"relay-{n}", env) for n in range(size.relays)]
        consumers = [
            worker("services.ordering.consumer", f"consumer-{n}", of_consumers or env) for n in range(size.consumers)
        ]
        of_products = [
            worker("services.product.relay", "product-relay", env),
            worker("services.basket.consumer", "basket-consumer", env),
        ]
        self.fleet = Fleet([product, *baskets, *relays, *consumers, *of_products], logs)
        self.product = Web([product.url], seed)
        self.basket = Web([member.url for member in baskets], seed)
        self.catalogue = Catalogue(self.product, seed)
        self.customers = Customers(self.basket, self.catalogue, seed)

    @contextmanager
    def open(self) -> Iterator["Shop"]:
        with self.fleet.running():
            self.catalogue.fill()
            yield self

    def settled(self, within: float) -> tuple[list[Violation], float]:
        """What the auditor still finds after `within` seconds at most, and after how many it found nothing."""
        began = time.monotonic()
        while time.monotonic() - began < within:
            if not pending(self._stack) and not self.audit():
                return [], time.monotonic() - began
            time.sleep(0.5)
        return self.audit(), time.monotonic() - began

    def audit(self) -> list[Violation]:
        return audit(self.customers.history, gather(self._stack), self.catalogue.prices)

    @property
    def surprises(self) -> list[str]:
        return self.basket.surprises + self.product.surprises


@dataclass
class Report:
    size: Size
    seed: int
    violations: list[Violation]
    surprises: list[str]
    died: list[str]
    exits: dict[str, int]
    outcomes: Counter[str]
    seconds: float
    quiet_after: float
    kills: Counter[str]
    statuses: Counter[int]
    faults: Counter[str]

    def __str__(self) -> str:
        rate = self.outcomes.total() / self.seconds
        return (
            f"storm, SHOP_SEED={self.seed}: {dict(self.outcomes)} in {self.seconds:.1f} s ({rate:.0f}/s), "
            f"quiet {self.quiet_after:.1f} s after the faults stopped\n"
            f"  kills: {self.kills.total()} {dict(self.kills)}\n"
            f"  answers of basket: {dict(sorted(self.statuses.items()))} (0: none came)\n"
            f"  calls: {dict(sorted(self.faults.items()))}"
        )


def rage(env: Mapping[str, str], proxy: Proxy, logs: Path, size: Size, seed: int) -> Report:
    """`env` leads the services through `proxy`; the auditor, in this process, goes past it."""
    shop = Shop(env, logs, size, seed)
    with shop.open():
        began = time.monotonic()
        proxy.rules = faults.storm(size.faults)
        with shop.fleet.killed_at_random(size.kill_every, seed), shop.catalogue.repriced(size.price_every):
            shop.customers.shop(size.users, size.checkouts)
        seconds = time.monotonic() - began
        proxy.calm()
        violations, quiet_after = shop.settled(QUIET_WITHIN)
        died = shop.fleet.dead
        return Report(
            size, seed, violations, shop.surprises, died, shop.fleet.stop(),
            outcomes=Counter(checkout.outcome.value for checkout in shop.customers.history),
            seconds=seconds,
            quiet_after=quiet_after,
            kills=Counter({member.name: member.kills for member in shop.fleet.members}),
            statuses=shop.basket.statuses,
            faults=Counter({str(kind): count for kind, count in proxy.done.items()}),
        )  # fmt: skip
