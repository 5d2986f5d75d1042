import json
import math
from datetime import datetime, timedelta
from typing import Any

import pytest

from chassis.core import deadline
from chassis.messaging.consumer import Consumer
from services.ordering.command_consumer import make_consumer
from services.ordering.commands_in import ConfirmOrder, FinishOrder, OrderCommand, RejectOrder
from tests.fakes import (
    FakeDeadLetters,
    FakeReplies,
    FakeTasks,
    OrderShop,
    answer_lost,
    command_message,
    never_arrived,
)
from tests.samples import order

ID = order().orderId
DATA = {"orderId": ID, "userName": "swn"}


class Saga:
    """The consumer of the commands, with one placed order."""

    def __init__(self) -> None:
        self.shop = OrderShop(order())
        self.tasks = FakeTasks()
        self.dead = FakeDeadLetters()
        self.replies = FakeReplies()
        self.consumer: Consumer = make_consumer(self.shop.service, self.shop.sweep, self.tasks, self.dead, self.replies)

    def send(self, *bodies: str) -> list[str]:
        """The positions of the messages that were not handled."""
        records = [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]
        failures = self.consumer.handle_batch({"Records": records})["batchItemFailures"]
        return [failure["itemIdentifier"] for failure in failures]

    def status(self) -> str:
        return self.shop.service.get("swn", ID).status


@pytest.fixture
def saga() -> Saga:
    return Saga()


def command(kind: type[OrderCommand], **data: str) -> str:
    return command_message(kind, DATA | data)


CONFIRM, FINISH, REJECT = command(ConfirmOrder), command(FinishOrder), command(RejectOrder, reason="OUT_OF_STOCK")


def tick(time: datetime) -> str:
    """As the scheduled rule sends it: EventBridge's time has no milliseconds."""
    text = time.strftime("%Y-%m-%dT%H:%M:%SZ")
    metadata = {"id": "tick", "version": 1, "correlation-id": "tick", "occurred-at": text}
    detail = {"metadata": metadata, "data": {"time": text}}
    return json.dumps({"source": "com.swn.ordering.schedule", "detail-type": "SweepOrders", "detail": detail})


def test_command_is_answered_with_the_status_of_the_order(saga: Saga) -> None:
    assert saga.send(CONFIRM) == []
    assert saga.tasks.answers == [("t-1", {"status": "CONFIRMED"})]
    assert saga.send(REJECT, FINISH) == []
    assert [answer for _, answer in saga.tasks.answers[1:]] == [{"status": "CONFIRMED"}] * 2
    assert saga.dead.sent == []


def test_rejected_order_keeps_the_reason_of_its_command(saga: Saga) -> None:
    saga.send(REJECT)
    saga.send(FINISH)
    found = saga.shop.service.get("swn", ID)
    assert (found.status, found.reason) == ("REJECTED", "OUT_OF_STOCK")


def test_events_have_the_correlation_id_of_the_command(saga: Saga) -> None:
    saga.send(CONFIRM)
    assert [event.correlation_id for event in saga.shop.bus.published] == ["c-1"]


def test_command_that_is_older_than_its_task_is_executed_all_the_same(saga: Saga) -> None:
    """Its answer comes too late, but the order has its status, which the next execution finds."""
    entered = datetime.fromisoformat("2020-01-01T00:00:00Z")
    assert saga.send(command_message(FinishOrder, DATA, entered=entered)) == []
    assert saga.send(command_message(ConfirmOrder, DATA, entered=entered)) == []
    assert saga.status() == "CONFIRMED"


def test_command_about_an_unknown_order_fails_its_task(saga: Saga) -> None:
    assert saga.send(command_message(ConfirmOrder, DATA | {"userName": "ada"})) == []
    assert saga.tasks.answers == [("t-1", "ORDER_NOT_FOUND")]
    assert saga.dead.sent == []


def test_command_without_an_answer_comes_back_and_changes_nothing(saga: Saga) -> None:
    saga.tasks.available = False
    assert saga.send(CONFIRM) == ["0"]
    saga.tasks.available = True
    assert saga.send(CONFIRM) == []
    assert (saga.tasks.answers, saga.shop.orders.rows["swn", ID][0].orderVersion) == (
        [("t-1", {"status": "CONFIRMED"})],
        2,
    )


def test_command_whose_write_was_not_answered_is_answered_with_what_is_true(saga: Saga) -> None:
    saga.shop.orders.effects.append(answer_lost)
    assert saga.send(CONFIRM) == []
    assert saga.tasks.answers == [("t-1", {"status": "CONFIRMED"})]


def test_command_gives_up_at_its_deadline_and_stays_in_the_queue(saga: Saga) -> None:
    def no_time_left(write: Any) -> bool:
        deadline.start(0)
        return never_arrived(write)

    saga.shop.orders.effects.append(no_time_left)
    assert saga.send(CONFIRM) == ["0"]
    assert saga.send(CONFIRM) == []
    assert saga.tasks.answers == [("t-1", {"status": "CONFIRMED"})]


def test_deadline_of_a_command_counts_neither_for_its_answer_nor_for_the_next_message(saga: Saga) -> None:
    left: list[float] = []

    class Timed(FakeTasks):
        def _answer(self, token: str, answer: Any) -> None:
            left.append(deadline.remaining())

    def note(write: Any) -> bool:
        left.append(deadline.remaining())
        return bool(write())

    saga.shop.orders.effects.append(note)
    make_consumer(saga.shop.service, saga.shop.sweep, Timed(), saga.dead, saga.replies).handle_batch(
        {"Records": [{"messageId": "0", "body": CONFIRM}]}
    )
    assert 0 < left[0] <= 10
    assert left[1] == math.inf


@pytest.mark.parametrize(
    "data",
    [{"orderId": "a/b"}, {"orderId": 7}, {"userName": "a b"}, {"userName": None}],
)
def test_invalid_command_goes_to_the_dead_letter_queue(saga: Saga, data: dict[str, Any]) -> None:
    assert saga.send(command_message(ConfirmOrder, DATA | data)) == []
    assert len(saga.dead.sent) == 1


def test_rejection_needs_a_reason(saga: Saga) -> None:
    assert saga.send(command(RejectOrder)) == []
    assert [sent["reason"] for sent in saga.dead.sent] == ["reason: Field required"]


def test_tick_starts_what_was_not_started(saga: Saga) -> None:
    saga.shop.clock.pass_(minutes=3)
    assert saga.send(tick(saga.shop.clock())) == []
    assert [*saga.shop.executions.started] == [f"{ID}-2"]


def test_outdated_tick_is_acknowledged(saga: Saga) -> None:
    saga.shop.clock.pass_(minutes=10)
    assert saga.send(tick(saga.shop.clock() - timedelta(minutes=3))) == []
    assert saga.shop.executions.started == {}


def test_tick_comes_back_while_step_functions_does_not_answer(saga: Saga) -> None:
    saga.shop.clock.pass_(minutes=3)
    saga.shop.executions.down = True
    assert saga.send(tick(saga.shop.clock())) == ["0"]


def test_test_message_is_answered_and_changes_nothing(saga: Saga) -> None:
    message = json.loads(CONFIRM)
    message["detail"]["metadata"]["test"] = "run-1"
    assert saga.send(json.dumps(message)) == []
    assert [(reply["detail_type"], reply["handled"]) for reply in saga.replies.sent] == [("ConfirmOrder", True)]
    assert (saga.status(), saga.tasks.answers) == ("PLACED", [])
