"""A process crashes between any two steps of a checkout: no order is lost or duplicated."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from services.product.app import create_app
from tests.fakes import ProductShop
from tests.processes import serving
from tests.resilience.crash_points.points import EXIT, POINTS, USERS, Point
from tests.resilience.crash_points.scenario import PRODUCT, Behaviour, Scenario
from tests.resilience.evidence import gather
from tests.resilience.invariants import Outcome
from tests.resilience.sampling import sample
from tests.stacks import deploy

VISIBILITY = 2  # seconds until the messages of a crashed consumer are visible again
# The sample has every point once, and every behaviour at a third of the points.
CASES = [(point, behaviour) for n, point in enumerate(POINTS) for behaviour in sample(list(Behaviour), n)]


@pytest.fixture(scope="module")
def product_url() -> Iterator[str]:
    """The product service takes no part in a checkout, so it is not started for each case."""
    with serving(create_app(ProductShop(PRODUCT).service, lambda: None)) as url:
        yield url


@pytest.fixture
def env(aws_env: Mapping[str, str], product_url: str) -> Mapping[str, str]:
    deploy(aws_env, "VisibilityTimeout", VISIBILITY)
    return dict(aws_env) | {"PRODUCT_URL": product_url}


def expected_orders(point: Point, behaviour: Behaviour) -> int:
    """One for each transaction before the crash, and those that the customers add after it."""
    committed = point.left.receipts
    return {
        Behaviour.NO_RETRY: committed,
        Behaviour.SAME_KEY: USERS,
        Behaviour.SECOND_BASKET: committed + USERS,
    }[behaviour]


@pytest.mark.resilience
@pytest.mark.parametrize(("point", "behaviour"), CASES, ids=[f"{point.name}, {then}" for point, then in CASES])
def test_a_crash_neither_loses_nor_duplicates_an_order(
    env: Mapping[str, str], tmp_path: Path, point: Point, behaviour: Behaviour
) -> None:
    scenario = Scenario(env, tmp_path, point)
    with scenario.open(behaviour) as customers:
        assert scenario.shop_until_crash(customers) == EXIT
        assert scenario.marker.exists()
        assert scenario.snapshot() == point.left
        scenario.restart()
        for customer in customers:
            customer.go_on()
        history = [*itertools.chain(*(customer.history for customer in customers))]
        assert scenario.settle(history) == []
        assert len(gather(env["SHOP_NAME"]).orders) == expected_orders(point, behaviour)
        assert Outcome.FAILED not in {checkout.outcome for checkout in history}
        if behaviour is not Behaviour.NO_RETRY:
            assert [customer.history[-1].outcome for customer in customers] == [Outcome.ACKNOWLEDGED] * USERS
        assert scenario.client.unexpected == []
