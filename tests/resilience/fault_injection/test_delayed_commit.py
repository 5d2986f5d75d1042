"""A slow checkout of an old basket never takes a new one, however alike the two look."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.aws.clients import Clients
from chassis.core import deadline
from chassis.core.events import Event
from chassis.messaging.outbox import Outbox
from services.basket.app import create_app
from services.basket.checkout import Receipt
from services.basket.models import Basket
from services.basket.service import BasketService
from services.basket.store import BasketStore
from services.basket.wiring import Wiring
from tests.emulators import CLOUDS, shop_on_localstack
from tests.fakes import FakeBus, FakeCatalogue
from tests.samples import BASKET, CHECKOUT


class Overtaken(BasketStore):
    """The first commit is held up until others have done what they do `meanwhile`."""

    def __init__(self, dynamodb: Any, outbox: Outbox, stack: str) -> None:
        super().__init__(dynamodb, outbox, f"{stack}-basket", f"{stack}-receipt")
        self.meanwhile: Callable[[], object] | None = None
        self.left = 60.0  # seconds that a request has after it was held up
        self.late: list[bool] = []  # whether what was held up took effect

    def commit(self, basket: Basket, event: Event, receipt: Receipt, now: datetime) -> bool:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is None:
            return super().commit(basket, event, receipt, now)
        meanwhile()
        deadline.start(60)  # it was sent long ago
        self.late.append(super().commit(basket, event, receipt, now))
        deadline.start(self.left)
        return self.late[-1]


class Shop:
    def __init__(self, env: Mapping[str, str]) -> None:
        self.outbox = Wiring(env).outbox
        self.store = Overtaken(Clients(env).of("dynamodb"), self.outbox, env["SHOP_NAME"])
        catalogue = FakeCatalogue(phone="950")
        service = BasketService(self.store, catalogue, self.outbox, FakeBus("is down"), lambda: str(uuid.uuid4()))
        self.client: FlaskClient = create_app(service, self.store.check, "http://orders").test_client()

    def check_out(self, key: str | None) -> TestResponse:
        return self.client.post("/basket/checkout", json=CHECKOUT, headers={"Idempotency-Key": key} if key else {})

    def fill(self) -> str:
        """Always with the same lines; returns the version."""
        assert self.client.post("/basket", json=BASKET).status_code == 200
        basket = self.store.get("swn")
        assert basket is not None
        return basket.version

    def ordered(self) -> list[str]:
        return [pending.event.id for page in self.outbox.pending(-1) for pending in page if pending.event]


@pytest.fixture(params=CLOUDS)
def shop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    if not request.param:
        yield Shop(request.getfixturevalue("stack"))
        return
    with shop_on_localstack(request.getfixturevalue("aws_env")) as env:
        monkeypatch.setenv("AWS_ENDPOINT_URL", env["AWS_ENDPOINT_URL"])
        yield Shop(env)


@pytest.mark.integration
def test_a_slow_checkout_of_an_old_basket_leaves_a_new_one_with_the_same_lines_alone(shop: Shop) -> None:
    """It says that it does not know; that it was a no shows in the order that never comes."""
    shop.store.left = 0
    for slow_key, other_key in [(None, None), ("slow", "other")]:
        shop.fill()
        others, versions = list[str](), list[str]()

        def overtake(key: str | None = other_key, others: list[str] = others, versions: list[str] = versions) -> None:
            others.append(shop.check_out(key).get_json()["orderId"])
            versions.append(shop.fill())

        before, shop.store.meanwhile = shop.ordered(), overtake
        slow = shop.check_out(slow_key)
        deadline.start(60)
        assert (slow.status_code, slow.headers["Retry-After"]) == (503, "2")
        assert slow.get_json()["orderId"] not in shop.ordered()
        assert set(shop.ordered()) - set(before) == set(others)
        new = shop.store.get("swn")
        assert new is not None
        assert [new.version] == versions
    assert shop.store.late == [False, False]


@pytest.mark.integration
def test_a_slow_checkout_that_its_own_repetition_overtook_hears_the_same_and_leaves_the_new_basket_alone(
    shop: Shop,
) -> None:
    shop.fill()
    twins, versions = list[TestResponse](), list[str]()

    def overtake() -> None:
        twins.append(shop.check_out("key"))
        versions.append(shop.fill())

    shop.store.meanwhile = overtake
    slow = shop.check_out("key")
    (twin,) = twins
    assert (slow.status_code, slow.data, slow.headers["Location"]) == (202, twin.data, twin.headers["Location"])
    assert shop.ordered() == [slow.get_json()["orderId"]]
    new = shop.store.get("swn")
    assert new is not None
    assert [new.version] == versions
    assert shop.store.late == [False]
