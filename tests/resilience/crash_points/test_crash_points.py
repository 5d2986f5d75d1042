"""Whatever process dies between any two steps, and whatever its clients do then: no order is lost, none is doubled."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from services.product.app import create_app
from tests.fakes import ProductShop
from tests.processes import serving
from tests.resilience.crash_points.points import EXIT, POINTS, USERS, Point
from tests.resilience.crash_points.scenario import PRODUCT, Behaviour, Case
from tests.resilience.invariants import Outcome
from tests.stacks import deploy

VISIBILITY = 2  # seconds until what a dead consumer had in hand comes back


@pytest.fixture(scope="module")
def product_url() -> Iterator[str]:
    """The one service that takes no part in a checkout's way is not started for each case."""
    with serving(create_app(ProductShop(PRODUCT).service, lambda: None)) as url:
        yield url


@pytest.fixture
def brisk(aws_env: Mapping[str, str], product_url: str) -> Mapping[str, str]:
    """The shop's resources with queues that soon hand out again what nobody deleted."""
    deploy(aws_env, "VisibilityTimeout", VISIBILITY)
    return dict(aws_env) | {"PRODUCT_URL": product_url}


def expected(point: Point, behaviour: Behaviour) -> int:
    """Orders: one for each transaction there was, and one for each that the customers' going on adds."""
    committed = point.left.receipts
    return {
        Behaviour.NO_RETRY: committed,
        Behaviour.SAME_KEY: USERS,
        Behaviour.SECOND_BASKET: committed + USERS,
    }[behaviour]


@pytest.mark.resilience
@pytest.mark.parametrize("behaviour", Behaviour)
@pytest.mark.parametrize("point", POINTS, ids=[point.name for point in POINTS])
def test_a_crash_neither_loses_nor_doubles_an_order(
    brisk: Mapping[str, str], tmp_path: Path, point: Point, behaviour: Behaviour
) -> None:
    case = Case(brisk, tmp_path, point)
    with case.open(behaviour) as customers:
        case.shop(customers)
        assert case.death() == EXIT
        assert case.marker.exists()
        assert case.scene() == point.left
        case.resurrect()
        for customer in customers:
            customer.go_on()
        history = [checkout for customer in customers for checkout in customer.history]
        violations, evidence = case.settled(history)
        assert violations == []
        assert len(evidence.orders) == expected(point, behaviour)
        if behaviour is not Behaviour.NO_RETRY:
            assert [customer.history[-1].outcome for customer in customers] == [Outcome.ACKNOWLEDGED] * USERS
        assert case.web.surprises == []
