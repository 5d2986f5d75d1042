"""Everything at once: crashes, retries, lost answers, duplicates; and not one order too few or too many.

SHOP_SEED=2 repeats one seed alone: the same customers, kills and faults; how they meet is the machine's.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.emulators import shop_on_localstack
from tests.resilience.fault_injection.proxy import proxy_of
from tests.resilience.fault_injection.random_faults import Report, Size, rage, seeds
from tests.resilience.invariants import Outcome

RecordProperty = Callable[[str, object], None]


def check(report: Report, record_property: RecordProperty) -> None:
    record_property("figures", str(report))
    assert report.violations == [], report
    assert report.surprises == [], report
    assert report.outcomes[Outcome.ACKNOWLEDGED] == report.size.checkouts, report
    assert report.outcomes[Outcome.UNKNOWN] == 0, report
    assert report.died == [], report
    assert set(report.exits.values()) == {0}, report.exits


@pytest.mark.resilience
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", seeds(os.environ))
def test_a_storm_neither_loses_nor_doubles_an_order(
    stack: Mapping[str, str], tmp_path: Path, record_property: RecordProperty, seed: int
) -> None:
    with proxy_of(stack["AWS_ENDPOINT_URL"], seed) as proxy:
        check(rage(dict(stack) | {"AWS_ENDPOINT_URL": proxy.url}, proxy, tmp_path, Size(), seed), record_property)


@pytest.fixture
def localstack(aws_env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mapping[str, str]]:
    with shop_on_localstack(aws_env) as env:
        monkeypatch.setenv("AWS_ENDPOINT_URL", env["AWS_ENDPOINT_URL"])
        yield env


@pytest.mark.docker
@pytest.mark.resilience
@pytest.mark.timeout(600)
def test_a_storm_on_localstack_neither_loses_nor_doubles_an_order(
    localstack: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    seed = seeds(os.environ)[0]
    with proxy_of(localstack["AWS_ENDPOINT_URL"], seed) as proxy:
        env = dict(localstack) | {"AWS_ENDPOINT_URL": proxy.url}
        check(rage(env, proxy, tmp_path, Size(users=10, checkouts=200), seed), record_property)
