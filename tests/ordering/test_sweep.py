from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import structlog

from chassis import tracing
from chassis.core.errors import Unavailable
from chassis.tracing.spans import Finished
from services.ordering.commands_in import SweepOrders
from services.ordering.lifecycle import Step
from services.ordering.models import OrderRow
from services.ordering.sweep import Sweep
from tests.fakes import OrderShop, after, answer_lost
from tests.samples import order, placed

ID = order().orderId


@pytest.fixture
def shop() -> OrderShop:
    """One order, whose execution runs."""
    shop = OrderShop(order())
    shop.fulfilment.start(order())
    return shop


def sweep(shop: OrderShop, age: float = 0) -> None:
    shop.sweep.run(SweepOrders(time=shop.clock() - timedelta(seconds=age)))


def stored(shop: OrderShop, order_id: str = ID) -> OrderRow:
    found = shop.orders.get("swn", order_id)
    assert found
    return found


def test_order_whose_execution_ended_gets_the_next_one(shop: OrderShop) -> None:
    shop.executions.ended.add(f"{ID}-1")
    shop.clock.pass_(minutes=3)
    sweep(shop)
    assert [*shop.executions.started] == [f"{ID}-1", f"{ID}-2"]
    assert (stored(shop).attempt, stored(shop).status, stored(shop).orderVersion) == (2, "PLACED", 1)


def test_order_whose_execution_was_never_started_gets_the_next_one() -> None:
    shop = OrderShop(order())
    shop.clock.pass_(minutes=3)
    sweep(shop)
    assert [*shop.executions.started] == [f"{ID}-2"]


def test_execution_continues_under_the_correlation_id_of_the_checkout() -> None:
    shop = OrderShop(order())
    shop.clock.pass_(minutes=3)
    with structlog.contextvars.bound_contextvars(correlation_id="tick"):
        sweep(shop)
    assert [given["metadata"]["correlation-id"] for given in shop.executions.started.values()] == ["c-1"]


@pytest.mark.parametrize(("minutes", "attempts"), [(1.9, 1), (3, 1), (14.9, 1), (15, 2)])
def test_running_execution_is_left_alone_unless_it_is_older_than_all_time_outs(
    shop: OrderShop, minutes: float, attempts: int
) -> None:
    shop.clock.pass_(minutes=minutes)
    sweep(shop)
    assert stored(shop).attempt == attempts == len(shop.executions.started)


@pytest.mark.parametrize(("minutes", "attempts"), [(1.9, 1), (2.1, 2)])
def test_attempt_of_the_last_two_minutes_may_not_have_been_started_yet(minutes: float, attempts: int) -> None:
    shop = OrderShop(order())
    shop.clock.pass_(minutes=minutes)
    sweep(shop)
    assert stored(shop).attempt == attempts


@pytest.mark.parametrize("status", ["CONFIRMED", "REJECTED", "CANCELLED"])
def test_order_with_a_final_status_is_left_alone(status: str) -> None:
    shop = OrderShop(order().model_copy(update={"status": status}))
    shop.clock.pass_(hours=2)
    sweep(shop)
    assert (stored(shop).attempt, shop.executions.started) == (1, {})


@pytest.mark.parametrize("status", ["PLACED", "REJECTING", "CANCELLING"])
def test_every_open_status_is_continued(status: str) -> None:
    shop = OrderShop(order().model_copy(update={"status": status}))
    shop.clock.pass_(minutes=3)
    sweep(shop)
    assert [given["status"] for given in shop.executions.started.values()] == [status]


def test_order_that_the_lagging_index_still_has_is_read_again_first(shop: OrderShop) -> None:
    shop.orders.stop_index()
    shop.clock.pass_(minutes=3)
    shop.moves.apply(Step.CANCEL, "swn", ID)
    sweep(shop)
    assert (stored(shop).attempt, [*shop.executions.started]) == (2, [f"{ID}-1"])  # that attempt has just begun
    shop.moves.apply(Step.FINISH, "swn", ID)
    shop.clock.pass_(minutes=3)
    sweep(shop)
    assert (stored(shop).attempt, [*shop.executions.started]) == (2, [f"{ID}-1"])


def test_two_sweeps_at_once_start_one_execution() -> None:
    shop = OrderShop(order())
    shop.clock.pass_(minutes=3)
    shop.orders.after_reads.append(lambda: sweep(shop))
    sweep(shop)
    assert (stored(shop).attempt, [*shop.executions.started]) == (2, [f"{ID}-2"])


def test_cancellation_during_a_sweep_wins() -> None:
    """Each of the two would start attempt 2, with another input."""
    shop = OrderShop(order())
    shop.clock.pass_(minutes=3)
    shop.orders.effects.append(after(lambda: shop.service.cancel("swn", ID)))
    sweep(shop)
    assert (stored(shop).status, stored(shop).attempt) == ("CANCELLING", 2)
    assert [(name, given["status"]) for name, given in shop.executions.started.items()] == [(f"{ID}-2", "CANCELLING")]


def test_sweep_that_lost_to_a_cancellation_starts_nothing() -> None:
    shop = OrderShop(order())
    shop.clock.pass_(minutes=3)

    def cancel_without_a_start() -> None:
        shop.executions.down = True
        shop.service.cancel("swn", ID)
        shop.executions.down = False

    shop.orders.effects.append(after(cancel_without_a_start))
    sweep(shop)
    assert shop.executions.started == {}


def test_sweep_during_a_cancellation_does_not_stop_it() -> None:
    shop = OrderShop(order())
    shop.clock.pass_(minutes=3)
    shop.orders.effects.append(after(lambda: sweep(shop)))
    assert shop.service.cancel("swn", ID).status == "CANCELLING"
    assert [(name, given["status"]) for name, given in shop.executions.started.items()] == [
        (f"{ID}-2", "PLACED"),
        (f"{ID}-3", "CANCELLING"),
    ]


@pytest.mark.parametrize(("seconds", "attempts"), [(0, 2), (119, 2), (121, 1)])
def test_tick_older_than_two_minutes_does_nothing(seconds: float, attempts: int) -> None:
    shop = OrderShop(order())
    shop.clock.pass_(minutes=30)
    sweep(shop, age=seconds)
    assert stored(shop).attempt == attempts


def test_sweep_is_retried_while_step_functions_does_not_answer(shop: OrderShop) -> None:
    shop.clock.pass_(minutes=3)
    shop.executions.down = True
    with pytest.raises(Unavailable):
        sweep(shop)
    assert stored(shop).attempt == 1


def test_attempt_whose_start_failed_gets_another_after_two_minutes(shop: OrderShop) -> None:
    shop.orders.effects.append(answer_lost)
    shop.executions.ended.add(f"{ID}-1")
    shop.clock.pass_(minutes=3)
    with pytest.raises(Unavailable):
        sweep(shop)
    sweep(shop)
    assert (stored(shop).attempt, [*shop.executions.started]) == (2, [f"{ID}-1"])
    shop.clock.pass_(minutes=3)
    sweep(shop)
    assert (stored(shop).attempt, [*shop.executions.started]) == (3, [f"{ID}-1", f"{ID}-3"])


def test_order_that_cannot_be_continued_does_not_stop_the_others() -> None:
    orders = [order(n) for n in range(1, 9)]
    shop = OrderShop(*orders)
    shop.clock.pass_(minutes=3)
    shop.orders.stop_index()
    broken = orders[3].model_copy(update={"attemptedAt": "never"})
    shop.orders.rows["swn", broken.orderId] = broken, ""
    with structlog.testing.capture_logs() as logged:
        sweep(shop)
    assert [line["order_id"] for line in logged if line["event"] == "order not continued"] == [broken.orderId]
    assert len(shop.executions.started) == 7


def test_error_with_one_order_is_not_logged_with_the_ids_of_another() -> None:
    orders = [order(n).model_copy(update={"correlationId": f"c-{n}"}) for n in range(1, 9)]
    shop = OrderShop(*orders)
    shop.clock.pass_(minutes=3)
    shop.orders.stop_index()
    for each in orders[4:]:
        shop.orders.rows["swn", each.orderId] = ()  # type: ignore[assignment] # cannot be read
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as logged:
        sweep(shop)
    failed = [line for line in logged if line["event"] == "order not continued"]
    assert {line["order_id"] for line in failed} == {each.orderId for each in orders[4:]}
    assert [line for line in failed if "correlation_id" in line] == []


@pytest.mark.parametrize(("minutes", "named"), [(59, []), (61, [ID])])
def test_order_that_is_open_for_an_hour_is_named_in_an_error(shop: OrderShop, minutes: float, named: list[str]) -> None:
    shop.clock.pass_(minutes=minutes)
    with structlog.testing.capture_logs() as logged:
        sweep(shop)
    assert [line["order_id"] for line in logged if line["log_level"] == "error"] == named


def test_late_order_is_named_also_if_it_was_cancelled_long_after_it_was_placed(shop: OrderShop) -> None:
    shop.moves.apply(Step.CONFIRM, "swn", ID)
    shop.clock.pass_(hours=5)
    shop.service.cancel("swn", ID)
    shop.clock.pass_(minutes=59)
    with structlog.testing.capture_logs() as logged:
        sweep(shop)
        assert [line for line in logged if line["log_level"] == "error"] == []
        shop.clock.pass_(minutes=3)
        sweep(shop)
    assert [line["order_id"] for line in logged if line["log_level"] == "error"] == [ID]


def test_sweep_that_runs_out_of_time_leaves_the_rest_to_the_next_tick() -> None:
    shop = OrderShop(*(order(n) for n in range(1, 9)))
    shop.clock.pass_(minutes=3)
    hasty = Sweep(shop.orders, shop.fulfilment, shop.clock, seconds=0)
    with structlog.testing.capture_logs() as logged:
        hasty.run(SweepOrders(time=shop.clock()))
    assert shop.executions.started == {}
    assert {line["event"] for line in logged} == {"sweep ran out of time: the next tick continues"}
    sweep(shop)
    assert len(shop.executions.started) == 8


TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_execution_continues_the_trace_of_the_checkout(recorded: list[Finished]) -> None:
    shop = OrderShop(order().model_copy(update={"traceparent": TRACEPARENT}))
    shop.clock.pass_(minutes=3)
    sweep(shop)
    (given,) = shop.executions.started.values()
    (span,) = recorded
    assert (span.kind, span.trace_id, span.parent_id) == ("sweep", *TRACEPARENT.split("-")[1:3])
    assert given["metadata"]["traceparent"] == f"00-{span.trace_id}-{span.span_id}-01"


def test_order_keeps_the_trace_of_the_message_that_placed_it() -> None:
    shop = OrderShop()
    with tracing.Span("message", parent=tracing.Context.read(TRACEPARENT)):
        shop.service.place(placed())
    (given,) = shop.executions.started.values()
    assert stored(shop, placed().orderId).traceparent == given["metadata"]["traceparent"] == TRACEPARENT


def test_order_is_counted_in_each_minute_also_while_its_last_attempt_is_young(
    shop: OrderShop, measurements: Callable[[], dict[str, Any]]
) -> None:
    counted = []
    for _ in range(12):
        shop.executions.ended.update(shop.executions.started)
        shop.clock.pass_(minutes=1)
        sweep(shop)
        counted.append(measurements()["OrdersOpenFiveMinutes"])
    assert counted == [0] * 4 + [1] * 8
    assert len(shop.executions.started) > 3


@pytest.mark.parametrize(("minutes", "five", "hour"), [(3, 0, 0), (5, 1, 0), (59, 1, 0), (60, 1, 1)])
def test_each_sweep_reports_how_many_orders_are_open_for_too_long_also_if_none_is(
    shop: OrderShop, minutes: float, five: int, hour: int, measurements: Callable[[], dict[str, Any]]
) -> None:
    shop.clock.pass_(minutes=minutes)
    sweep(shop)
    assert measurements() == {"OrdersOpenFiveMinutes": five, "OrdersOpenHour": hour}


def test_order_that_cannot_be_continued_counts_as_open(
    shop: OrderShop, measurements: Callable[[], dict[str, Any]]
) -> None:
    def refuse(_: OrderRow) -> bool:
        raise PermissionError

    shop.clock.pass_(hours=1)
    shop.orders.effects.append(lambda _: refuse(stored(shop)))
    shop.executions.ended.add(f"{ID}-1")
    sweep(shop)
    assert measurements() == {"OrdersOpenFiveMinutes": 1, "OrdersOpenHour": 1}
