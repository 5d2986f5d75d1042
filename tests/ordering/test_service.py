from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from chassis.core.errors import Conflict, NotFound
from chassis.messaging.commands import TaskRefused
from services.ordering.commands_in import ConfirmOrder, FinishOrder, RejectOrder
from services.ordering.service import OrderService
from tests.fakes import OrderShop, answer_lost
from tests.samples import DATE, placed

ID = placed().orderId
TASK: Any = {"token": "t-1", "entered": datetime(2026, 11, 21, 9, 30, tzinfo=UTC), "timeout-seconds": 60}
WHOSE: Any = {"task": TASK, "userName": "swn", "orderId": ID}
CONFIRM, FINISH = ConfirmOrder(**WHOSE), FinishOrder(**WHOSE)
REJECT = RejectOrder(reason="OUT_OF_STOCK", **WHOSE)


@pytest.fixture
def shop() -> OrderShop:
    return OrderShop()


@pytest.fixture
def service(shop: OrderShop) -> OrderService:
    return shop.service


def test_order_is_placed_once_despite_redelivery(service: OrderService) -> None:
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            service.place(placed())
    assert service.page(10, None).items == [placed().to_order(DATE, "").shown()]
    placings = [line["event"] for line in lines if line["event"].startswith("order")]
    assert placings == ["order placed", "order already exists", "order already exists"]


def test_placed_order_gets_its_first_execution_also_after_a_crash_in_between(shop: OrderShop) -> None:
    shop.executions.down = True
    shop.service.place(placed())
    shop.executions.down = False
    shop.service.place(placed())
    assert [(name, given["status"]) for name, given in shop.executions.started.items()] == [(f"{ID}-1", "PLACED")]


def test_order_is_placed_while_step_functions_does_not_answer(shop: OrderShop) -> None:
    shop.executions.down = True
    shop.service.place(placed())
    assert shop.service.get("swn", ID).status == "PLACED"


def test_different_order_with_the_same_id_is_a_conflict(service: OrderService) -> None:
    service.place(placed())
    with pytest.raises(Conflict):
        service.place(placed(address="Ankara"))
    assert service.get("swn", placed().orderId).address == "Istanbul"


def test_orders_are_read_by_user_and_id(service: OrderService) -> None:
    service.place(placed())
    (found,) = service.page_of_user("swn", None, 10, None).items
    assert found == service.get("swn", found.orderId)
    assert service.page_of_user("ada", None, 10, None).items == []
    with pytest.raises(NotFound):
        service.get("ada", found.orderId)


def test_saga_of_a_fulfilled_order_confirms_it(service: OrderService) -> None:
    service.place(placed())
    assert service.confirm(CONFIRM) == {"status": "CONFIRMED"}


def test_saga_of_a_refused_order_decides_first_and_finishes_later(service: OrderService) -> None:
    service.place(placed())
    assert [service.reject(REJECT), service.finish(FINISH)] == [{"status": "REJECTING"}, {"status": "REJECTED"}]
    assert service.get("swn", ID).reason == "OUT_OF_STOCK"


def test_saga_of_a_cancelled_order_finishes_it(service: OrderService) -> None:
    service.place(placed())
    service.cancel("swn", ID)
    assert service.finish(FINISH) == {"status": "CANCELLED"}


@pytest.mark.parametrize("status", ["CONFIRMED", "REJECTING", "REJECTED", "CANCELLING", "CANCELLED"])
def test_order_that_is_not_placed_is_neither_confirmed_nor_rejected(status: str) -> None:
    shop = OrderShop(placed().to_order(DATE, "c-1").model_copy(update={"status": status}))
    assert [shop.service.confirm(CONFIRM), shop.service.reject(REJECT)] == [{"status": status}] * 2
    assert shop.bus.published == []


def test_repeated_command_returns_the_status_and_publishes_nothing(shop: OrderShop) -> None:
    shop.service.place(placed())
    commands: list[tuple[Callable[[Any], Mapping[str, str]], Any]] = [
        (shop.service.reject, REJECT),
        (shop.service.finish, FINISH),
    ]
    answers = [[handle(command) for _ in range(2)] for handle, command in commands]
    assert answers == [[{"status": "REJECTING"}] * 2, [{"status": "REJECTED"}] * 2]
    assert [event.detail_type for event in shop.bus.published] == ["OrderRejected"]


def test_command_about_an_unknown_order_is_refused(service: OrderService) -> None:
    with pytest.raises(TaskRefused, match="ORDER_NOT_FOUND"):
        service.confirm(CONFIRM)


def test_cancellation_starts_the_next_execution(shop: OrderShop) -> None:
    shop.service.place(placed())
    assert shop.service.cancel("swn", ID).status == "CANCELLING"
    assert [(name, given["status"]) for name, given in shop.executions.started.items()] == [
        (f"{ID}-1", "PLACED"),
        (f"{ID}-2", "CANCELLING"),
    ]


def test_repeated_cancellation_starts_the_execution_that_was_not_started(shop: OrderShop) -> None:
    shop.service.place(placed())
    shop.executions.down = True
    assert shop.service.cancel("swn", ID).status == "CANCELLING"
    shop.executions.down = False
    assert shop.service.cancel("swn", ID).status == "CANCELLING"
    assert [*shop.executions.started] == [f"{ID}-1", f"{ID}-2"]


def test_cancellation_whose_answer_was_lost_starts_one_execution(shop: OrderShop) -> None:
    shop.service.place(placed())
    shop.orders.effects.append(answer_lost)
    assert shop.service.cancel("swn", ID).status == "CANCELLING"
    assert [*shop.executions.started] == [f"{ID}-1", f"{ID}-2"]


def test_cancelled_order_starts_nothing(shop: OrderShop) -> None:
    shop.service.place(placed())
    shop.service.cancel("swn", ID)
    shop.service.finish(FINISH)
    shop.executions.started.clear()
    assert shop.service.cancel("swn", ID).status == "CANCELLED"
    assert shop.executions.started == {}


def test_order_whose_rejection_is_decided_cannot_be_cancelled(service: OrderService) -> None:
    service.place(placed())
    service.reject(REJECT)
    with pytest.raises(Conflict, match="REJECTING"):
        service.cancel("swn", ID)


def test_order_of_another_user_cannot_be_cancelled(service: OrderService) -> None:
    service.place(placed())
    with pytest.raises(NotFound):
        service.cancel("ada", ID)
