"""A write that takes effect late, or is sent again after a lost answer, never changes a newer basket."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from chassis.aws.clients import Clients
from chassis.core import deadline
from chassis.core.errors import Unavailable
from chassis.core.events import Event
from chassis.messaging.dispatch import publish_now
from chassis.messaging.outbox import Outbox
from services.basket.app import create_app
from services.basket.checkout import CheckoutInput, Receipt
from services.basket.models import Basket, LineInput
from services.basket.service import BasketService
from services.basket.store import BasketStore
from services.basket.wiring import Wiring
from tests.emulators import CLOUDS, shop_on_localstack
from tests.fakes import FakeBus, FakeCatalogue
from tests.resilience.fault_injection import wire
from tests.resilience.fault_injection.faults import Fault, always
from tests.resilience.fault_injection.proxy import proxy_of
from tests.resilience.model_based.ledger import checkout_of
from tests.samples import BASKET, CHECKOUT

pytestmark = pytest.mark.integration
PUT = "DynamoDB_20120810.PutItem"


class DelayedStore(BasketStore):
    """Delays the next commit until `meanwhile` has run."""

    def __init__(self, dynamodb: Any, outbox: Outbox, shop: str) -> None:
        super().__init__(dynamodb, outbox, f"{shop}-basket", f"{shop}-receipt")
        self.meanwhile: Callable[[], object] | None = None
        self.left = 60.0  # seconds that the request has left after the delay
        self.late: list[bool] = []  # whether each delayed commit took effect

    def commit(self, basket: Basket, event: Event, receipt: Receipt, now: datetime) -> bool:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is None:
            return super().commit(basket, event, receipt, now)
        meanwhile()
        deadline.start(60)  # the commit was sent in time and only arrives late
        self.late.append(super().commit(basket, event, receipt, now))
        deadline.start(self.left)
        return self.late[-1]


def service_on(store: BasketStore, outbox: Outbox) -> BasketService:
    publish = partial(publish_now, bus=FakeBus("is down"), outbox=outbox)
    return BasketService(store, FakeCatalogue(phone="950"), publish, lambda: str(uuid.uuid4()))


def events_in(outbox: Outbox) -> list[Event]:
    return [pending.event for page in outbox.pending() for pending in page if pending.event]


class Shop:
    def __init__(self, env: Mapping[str, str]) -> None:
        self._outbox = Wiring(env).outbox
        self.store = DelayedStore(Clients(env).of("dynamodb"), self._outbox, env["SHOP_NAME"])
        service = service_on(self.store, self._outbox)
        self._client: FlaskClient = create_app(service, self.store.check, "http://orders").test_client()

    def check_out(self, key: str | None) -> TestResponse:
        headers = {"Idempotency-Key": key} if key else {}
        return self._client.post("/basket/checkout", json=CHECKOUT, headers=headers)

    def fill(self) -> str:
        """Always with the same lines; returns the version."""
        assert self._client.post("/basket", json=BASKET).status_code == 200
        return self.version()

    def version(self) -> str:
        basket = self.store.get("swn")
        assert basket is not None
        return basket.version

    def ordered(self) -> list[str]:
        return [event.id for event in events_in(self._outbox)]


@pytest.fixture(params=CLOUDS)
def shop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    if not request.param:
        yield Shop(request.getfixturevalue("stack"))
        return
    with shop_on_localstack(request.getfixturevalue("aws_env")) as env:
        monkeypatch.setenv("AWS_ENDPOINT_URL", env["AWS_ENDPOINT_URL"])
        yield Shop(env)


def test_a_delayed_checkout_does_not_take_a_new_basket_with_the_same_lines(shop: Shop) -> None:
    """DynamoDB refuses the commit when no time is left. The 503 names no order, because none was placed."""
    shop.store.left = 0
    check_delayed(shop, None, None)
    check_delayed(shop, "delayed", "other")
    assert shop.store.late == [False, False]


def check_delayed(shop: Shop, key: str | None, other_key: str | None) -> None:
    shop.fill()
    others, versions = list[str](), list[str]()

    def overtake() -> None:
        others.append(shop.check_out(other_key).get_json()["orderId"])
        versions.append(shop.fill())

    before, shop.store.meanwhile = shop.ordered(), overtake
    delayed = shop.check_out(key)
    deadline.start(60)
    assert (delayed.status_code, delayed.headers["Retry-After"]) == (503, "2")
    assert "orderId" not in delayed.get_json()
    assert set(shop.ordered()) - set(before) == set(others)
    assert [shop.version()] == versions


def test_a_delayed_checkout_gets_the_answer_of_its_repetition_and_leaves_the_new_basket(shop: Shop) -> None:
    shop.fill()
    repetitions, versions = list[TestResponse](), list[str]()

    def overtake() -> None:
        repetitions.append(shop.check_out("key"))
        versions.append(shop.fill())

    shop.store.meanwhile = overtake
    delayed = shop.check_out("key")
    (other,) = repetitions
    assert (delayed.status_code, delayed.data, delayed.headers["Location"]) == (
        202,
        other.data,
        other.headers["Location"],
    )
    assert shop.ordered() == [delayed.get_json()["orderId"]]
    assert [shop.version()] == versions
    assert shop.store.late == [False]


@pytest.mark.parametrize(("before", "since"), [(1, 0), (1, 1), (0, 1)])
def test_a_line_that_was_ordered_before_botocore_repeated_the_write_is_not_added_again(
    stack: Mapping[str, str], before: int, since: int
) -> None:
    """The first try takes effect. The second finds no row or a newer one, which does not mean that the first failed."""
    direct, line = Wiring(stack), LineInput(productId="phone", quantity=1)
    others = service_on(direct.store, direct.outbox)
    for _ in range(before):
        others.add("swn", line)

    def order_meanwhile(request: wire.Message, answer: wire.Message) -> None:
        if request.operation == PUT and proxy.rules:
            proxy.rules = {}
            others.checkout(CheckoutInput.model_validate(CHECKOUT))
            for _ in range(since):
                others.add("swn", line)

    with proxy_of(stack["AWS_ENDPOINT_URL"], observe=order_meanwhile) as proxy:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", proxy.url)
            through_proxy = Wiring(dict(stack))
            delayed = service_on(through_proxy.store, through_proxy.outbox)
        proxy.rules = always(Fault.LOST_ANSWER, PUT)
        with pytest.raises(Unavailable, match="unknown"):
            delayed.add("swn", line)
    orders = [checkout_of(event) for event in events_in(direct.outbox)]
    assert [item.quantity for order in orders for item in order.items] == [before + 1]
    basket = others.get("swn") if since else None
    assert [item.quantity for item in (basket.items if basket else [])] == [1] * since
