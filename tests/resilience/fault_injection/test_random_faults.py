"""Random faults on every AWS call while processes are killed: not one order too few or too many.

The seed fixes the customers, the kills and each operation's faults. How they interleave is up to the machine.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.emulators import shop_on_localstack
from tests.resilience.evidence import gather
from tests.resilience.fault_injection import faults
from tests.resilience.fault_injection.proxy import Proxy, proxy_of
from tests.resilience.fault_injection.shop import Shop, Size
from tests.resilience.invariants import Outcome
from tests.resilience.sampling import FULL, SEED

pytestmark = [pytest.mark.resilience, pytest.mark.timeout(600)]
SIZE = Size() if FULL else Size(users=30, checkouts=500, edits=150)
RecordProperty = Callable[[str, object], None]


def run(env: Mapping[str, str], logs: Path, size: Size, seed: int, record_property: RecordProperty) -> None:
    """The services reach AWS through a proxy that breaks calls; the test looks past it."""
    with proxy_of(env["AWS_ENDPOINT_URL"], seed) as proxy:
        shop = Shop(dict(env) | {"AWS_ENDPOINT_URL": proxy.url}, logs, size, seed)
        with shop.open():
            break_everything(shop, proxy, size, seed)
            violations, seconds = shop.settle()
            crashed, exits = shop.fleet.crashed, shop.fleet.stop()
    report = describe(shop, proxy, seed, seconds)
    record_property("figures", report)
    outcomes = Counter(checkout.outcome for checkout in shop.customers.history)
    assert violations == [], report
    assert shop.unexpected == [], report
    assert outcomes[Outcome.ACKNOWLEDGED] == size.checkouts, report
    assert outcomes[Outcome.UNKNOWN] == 0, report
    assert crashed == [], report
    assert set(exits.values()) == {0}, exits
    shares = shop.orders_by_consumer()
    assert len(shares) == size.consumers, shares
    assert all(shares.values()), shares
    products = gather(env["SHOP_NAME"]).products
    assert len(products) >= len(shop.catalogue.for_sale + shop.catalogue.others) + size.edits // 100


def break_everything(shop: Shop, proxy: Proxy, size: Size, seed: int) -> None:
    proxy.rules = faults.share_of_calls(size.faults)
    with (
        shop.fleet.killed_at_random(size.kill_every, seed),
        shop.catalogue.repriced(size.price_every),
        ThreadPoolExecutor(1) as pool,
    ):
        editing = pool.submit(shop.catalogue.edit, size.edits)
        shop.customers.shop(size.users, size.checkouts)
        editing.result()
    proxy.stop_faults()


def describe(shop: Shop, proxy: Proxy, seed: int, seconds: float) -> str:
    outcomes = Counter(checkout.outcome.value for checkout in shop.customers.history)
    kills = {member.name: member.kills for member in shop.fleet.members}
    return (
        f"random faults, SHOP_SEED={seed}: {dict(outcomes)}, quiet {seconds:.1f} s after the last fault\n"
        f"  kills: {sum(kills.values())} {kills}\n"
        f"  answers of basket: {dict(sorted(shop.basket.statuses.items()))} (0: no answer)\n"
        f"  AWS calls: {dict(sorted((str(kind), count) for kind, count in proxy.totals.items()))}"
    )


@pytest.mark.parametrize("seed", [SEED, SEED + 1, SEED + 2] if FULL else [SEED])
def test_random_faults_and_kills_neither_lose_nor_duplicate_an_order(
    stack: Mapping[str, str], tmp_path: Path, record_property: RecordProperty, seed: int
) -> None:
    run(stack, tmp_path, SIZE, seed, record_property)


@pytest.fixture
def localstack(aws_env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, str]]:
    with shop_on_localstack(aws_env) as env:
        monkeypatch.setenv("AWS_ENDPOINT_URL", env["AWS_ENDPOINT_URL"])
        yield env


@pytest.mark.docker
def test_random_faults_and_kills_on_localstack_neither_lose_nor_duplicate_an_order(
    localstack: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    run(localstack, tmp_path, Size(users=10, checkouts=200, edits=50), SEED, record_property)
