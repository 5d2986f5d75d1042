import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
import structlog

from chassis.core import deadline
from chassis.core.errors import NotFound, Refused, Unavailable
from services.ordering.lifecycle import Step
from services.ordering.models import OrderRow
from tests.fakes import OrderShop, WriteEffect, after, answer_lost, cancelled, never_arrived, refused
from tests.samples import order

ID = order().orderId


@pytest.fixture
def shop() -> OrderShop:
    return OrderShop(order())


def stored(shop: OrderShop) -> OrderRow:
    found = shop.orders.get("swn", ID)
    assert found
    return found


def test_step_is_stored_and_its_event_is_published_at_once(shop: OrderShop) -> None:
    with structlog.contextvars.bound_contextvars(correlation_id="c-7"):
        confirmed = shop.moves.apply(Step.CONFIRM, "swn", ID)
    assert (confirmed.status, confirmed) == ("CONFIRMED", stored(shop))
    assert [(event.id, event.correlation_id) for event in shop.bus.published] == [(f"{ID}:confirmed", "c-7")]
    assert shop.outbox.rows == {}


def test_step_to_an_open_status_has_no_event(shop: OrderShop) -> None:
    assert shop.moves.apply(Step.REJECT, "swn", ID, "OUT_OF_STOCK").status == "REJECTING"
    assert shop.bus.published == []
    assert shop.outbox.rows == {}


def test_repeated_step_changes_and_publishes_nothing(shop: OrderShop) -> None:
    first = shop.moves.apply(Step.CONFIRM, "swn", ID)
    shop.clock.pass_(hours=1)
    assert shop.moves.apply(Step.CONFIRM, "swn", ID) == first == stored(shop)
    assert len(shop.bus.published) == 1


def test_step_that_the_status_does_not_allow_returns_the_order(shop: OrderShop) -> None:
    shop.moves.apply(Step.CANCEL, "swn", ID)
    for step in (Step.CONFIRM, Step.REJECT):
        assert shop.moves.apply(step, "swn", ID, "STOCK_TIMEOUT").status == "CANCELLING"
    assert stored(shop).reason is None


def test_unknown_order_is_not_found(shop: OrderShop) -> None:
    with pytest.raises(NotFound):
        shop.moves.apply(Step.CONFIRM, "ada", ID)


@pytest.mark.parametrize("effect", [cancelled, never_arrived])
def test_write_that_had_no_effect_is_retried(shop: OrderShop, effect: WriteEffect) -> None:
    shop.orders.effects += [effect, effect]
    assert shop.moves.apply(Step.CONFIRM, "swn", ID).status == "CONFIRMED"
    assert len(shop.bus.published) == 1


def test_step_whose_answer_was_lost_is_done_once_and_its_event_is_left_to_the_relay(shop: OrderShop) -> None:
    shop.orders.effects += [answer_lost]
    assert shop.moves.apply(Step.CONFIRM, "swn", ID).status == "CONFIRMED"
    assert (stored(shop).orderVersion, [*shop.outbox.rows]) == (2, [f"{ID}:confirmed"])


def test_lost_race_is_decided_by_the_order_as_it_is_then(shop: OrderShop) -> None:
    shop.orders.effects += [after(partial(shop.moves.apply, Step.CANCEL, "swn", ID))]
    assert shop.moves.apply(Step.CONFIRM, "swn", ID).status == "CANCELLING"
    assert shop.bus.published == []


def test_event_stays_in_the_outbox_while_the_bus_is_down(shop: OrderShop) -> None:
    shop.bus.mode = "is down"
    shop.moves.apply(Step.CONFIRM, "swn", ID)
    (event,) = shop.outbox.rows.values()
    assert json.loads(event.detail)["data"]["status"] == "CONFIRMED"


def test_busy_database_refuses_the_step(shop: OrderShop) -> None:
    shop.orders.effects += [refused]
    with pytest.raises(Refused):
        shop.moves.apply(Step.CONFIRM, "swn", ID)
    assert stored(shop).status == "PLACED"


def test_outcome_is_reported_as_unknown_if_the_answer_was_lost_and_the_order_cannot_be_read(shop: OrderShop) -> None:
    def lost_for_good(write: Callable[[], bool]) -> bool:
        shop.orders.down = True
        return answer_lost(write)

    shop.orders.effects.append(lost_for_good)
    with pytest.raises(Unavailable, match="unknown whether the order was changed"):
        shop.moves.apply(Step.CONFIRM, "swn", ID)


def test_attempts_end_at_the_deadline(shop: OrderShop) -> None:
    deadline.start(0.3)
    shop.orders.effects += [never_arrived] * 1000
    with pytest.raises(Unavailable):
        shop.moves.apply(Step.CONFIRM, "swn", ID)


def test_order_of_an_earlier_version_can_be_cancelled() -> None:
    shop = OrderShop(order().model_copy(update={"orderVersion": 0, "attempt": 0, "attemptedAt": None, "history": []}))
    changed = shop.moves.apply(Step.CANCEL, "swn", ID)
    assert (changed.status, changed.orderVersion, changed.attempt, len(changed.history)) == ("CANCELLING", 1, 1, 1)


def test_final_status_is_counted_with_the_time_since_the_202(
    shop: OrderShop, measurements: Callable[[], dict[str, Any]]
) -> None:
    began = datetime.fromisoformat(order().orderDate)
    shop.clock.now = began + timedelta(seconds=2.5)
    shop.moves.apply(Step.REJECT, "swn", ID, "OUT_OF_STOCK")
    assert measurements() == {}
    shop.moves.apply(Step.FINISH, "swn", ID)
    shop.moves.apply(Step.FINISH, "swn", ID)
    assert measurements() == {"OrdersRejected": 1, "TimeToFinal": [2.5]}


def test_cancellation_of_a_confirmed_order_is_no_slow_order(
    shop: OrderShop, measurements: Callable[[], dict[str, Any]]
) -> None:
    shop.moves.apply(Step.CONFIRM, "swn", ID)
    assert {*measurements()} == {"OrdersConfirmed", "TimeToFinal"}
    shop.clock.pass_(hours=48)
    shop.moves.apply(Step.CANCEL, "swn", ID)
    shop.moves.apply(Step.FINISH, "swn", ID)
    assert measurements() == {"OrdersCancelled": 1}
