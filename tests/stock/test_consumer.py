import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.core import deadline
from chassis.messaging.consumer import Consumer
from services.stock.commands_in import ReleaseStock, ReserveStock
from services.stock.consumer import make_consumer
from services.stock.wiring import Wiring
from tests import aws_clients
from tests.fakes import FakeDeadLetters, FakeReplies, FakeTasks, cancelled, command_message, never_arrived, refused
from tests.processes import eventually, running
from tests.samples import marked_as_test
from tests.stock_fakes import StockShop, confirmed

LONG_TOKEN = "AQC" + "x" * 1497  # as long as those of AWS can be


class Desk:
    """A consumer of stock with fakes."""

    def __init__(self, time_limit: float = 10) -> None:
        self.shop = StockShop(tea=10)
        self.tasks = FakeTasks()
        self.dead = FakeDeadLetters()
        self.replies = FakeReplies()
        self.consumer = make_consumer(self.shop.service, self.tasks, self.dead, self.replies, time_limit)

    def deliver(self, *bodies: str) -> list[str]:
        """The positions of the messages that were not handled."""
        return failures(self.consumer, *bodies)


def failures(consumer: Consumer, *bodies: str) -> list[str]:
    records = [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]
    answer = consumer.handle_batch({"Records": records})
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def reserve_message(order_id: str = "o-1", tea: int = 3, **task: Any) -> str:
    items = [{"productId": "tea", "quantity": tea}]
    return command_message(ReserveStock, {"orderId": order_id, "userName": "swn", "items": items}, **task)


def release_message(order_id: str = "o-1", **task: Any) -> str:
    return command_message(ReleaseStock, {"orderId": order_id, "userName": "swn"}, **task)


def confirmed_message(order_id: str = "o-1") -> str:
    return json.dumps(event_message(order_id))


def event_message(order_id: str = "o-1") -> dict[str, Any]:
    event = confirmed(order_id).to_event(f"{order_id}:confirmed", "2026-11-21T09:30:02.123Z", "c-1")
    return {"source": event.source, "detail-type": event.detail_type, "detail": json.loads(event.detail)}


def test_commands_and_confirmations_move_the_pieces_of_an_order(desk: Desk) -> None:
    assert desk.deliver(reserve_message()) == []
    assert desk.shop.counts("tea") == (7, 3, 0)
    assert desk.deliver(confirmed_message()) == []
    assert desk.shop.counts("tea") == (7, 0, 3)
    assert desk.deliver(release_message(token="t-2")) == []
    assert desk.shop.counts("tea") == (10, 0, 0)
    assert desk.tasks.answers == [("t-1", {}), ("t-2", {})]


@pytest.mark.parametrize(("closed", "error"), [(False, "OUT_OF_STOCK"), (True, "RESERVATION_CLOSED")])
def test_refused_reservation_fails_its_task_with_the_reason_of_the_rejection(
    desk: Desk, closed: bool, error: str
) -> None:
    if closed:
        desk.deliver(release_message(token="t-0"))
    assert desk.deliver(reserve_message(tea=11)) == []
    assert desk.tasks.answers[-1] == ("t-1", error)
    assert desk.shop.counts("tea") == (10, 0, 0)


def test_late_reservation_has_no_effect_and_no_answer(desk: Desk) -> None:
    entered = datetime.now(UTC) - timedelta(seconds=61)
    assert desk.deliver(reserve_message(entered=entered, timeout=60)) == []
    assert (desk.shop.counts("tea"), desk.tasks.answers, desk.dead.sent) == ((10, 0, 0), [], [])


def test_release_never_expires(desk: Desk) -> None:
    desk.deliver(reserve_message())
    entered = datetime.now(UTC) - timedelta(days=20)
    assert desk.deliver(release_message(entered=entered, token="t-2")) == []
    assert (desk.shop.counts("tea"), desk.tasks.answers[-1]) == ((10, 0, 0), ("t-2", {}))


def test_repeated_commands_are_answered_again_and_count_once(desk: Desk) -> None:
    for token in ("t-1", "t-1", "t-2"):
        assert desk.deliver(reserve_message(token=token)) == []
    assert desk.shop.counts("tea") == (7, 3, 0)
    assert desk.tasks.answers == [("t-1", {}), ("t-1", {}), ("t-2", {})]


def test_command_whose_answer_was_not_sent_is_answered_by_its_next_delivery(desk: Desk) -> None:
    desk.tasks.available = False
    assert desk.deliver(reserve_message()) == ["0"]
    assert desk.shop.counts("tea") == (7, 3, 0)
    desk.tasks.available = True
    assert desk.deliver(reserve_message()) == []
    assert (desk.shop.counts("tea"), desk.tasks.answers) == ((7, 3, 0), [("t-1", {})])


@pytest.mark.parametrize("effect", [refused, [never_arrived, refused]])
def test_command_that_the_table_did_not_take_stays_in_the_queue_without_an_answer(desk: Desk, effect: Any) -> None:
    desk.shop.stock.effects.extend(effect if isinstance(effect, list) else [effect])
    assert desk.deliver(reserve_message()) == ["0"]
    assert (desk.tasks.answers, desk.dead.sent) == ([], [])
    assert desk.deliver(reserve_message()) == []
    assert desk.tasks.answers == [("t-1", {})]


def test_message_that_loses_all_races_stays_in_the_queue() -> None:
    desk = Desk(time_limit=0.05)
    desk.shop.stock.effects.extend([cancelled] * 1000)
    assert desk.deliver(reserve_message()) == ["0"]
    assert (desk.tasks.answers, desk.dead.sent) == ([], [])


def test_time_limit_of_a_message_does_not_count_for_its_answer() -> None:
    class Tasks(FakeTasks):
        def succeed(self, token: str, output: Mapping[str, Any]) -> None:
            super().succeed(token, {"seconds left": deadline.remaining()})

    shop, tasks = StockShop(tea=10), Tasks()
    consumer = make_consumer(shop.service, tasks, FakeDeadLetters(), FakeReplies())
    assert failures(consumer, reserve_message()) == []
    assert tasks.answers == [("t-1", {"seconds left": math.inf})]


@pytest.mark.parametrize(
    "body",
    [
        reserve_message(tea=0),
        reserve_message("a/b"),
        reserve_message().replace('"version": 1', '"version": 2'),
        reserve_message().replace("ReserveStock", "ReserveMore"),
        reserve_message().replace("com.swn.ordering.fulfilment", "com.swn.other"),
        release_message().replace('"orderId"', '"order"'),
    ],
)
def test_invalid_command_goes_to_the_dead_letter_queue(desk: Desk, body: str) -> None:
    assert desk.deliver(body) == []
    assert len(desk.dead.sent) == 1
    assert (desk.tasks.answers, desk.shop.counts("tea")) == ([], (10, 0, 0))


def test_test_message_is_answered_and_moves_nothing(desk: Desk) -> None:
    desk.deliver(reserve_message())
    assert desk.deliver(marked_as_test(event_message())) == []
    assert [(reply["detail_type"], reply["handled"]) for reply in desk.replies.sent] == [("OrderConfirmed", True)]
    assert desk.shop.counts("tea") == (7, 3, 0)


def test_longest_task_token_is_answered(desk: Desk) -> None:
    assert desk.deliver(reserve_message(token=LONG_TOKEN)) == []
    assert desk.tasks.answers == [(LONG_TOKEN, {})]


@pytest.mark.integration
def test_command_with_the_longest_task_token_passes_the_queue(stack: Mapping[str, str]) -> None:
    wiring, tasks = Wiring(stack), FakeTasks()
    wiring.service.set_available("tea", 10)
    wiring.queue.send(reserve_message(token=LONG_TOKEN))
    consumer = make_consumer(wiring.service, tasks, FakeDeadLetters(), FakeReplies())
    assert consumer.handle_batch({"Records": eventually(wiring.queue.receive)}) == {"batchItemFailures": []}
    assert tasks.answers == [(LONG_TOKEN, {})]
    assert wiring.service.level("tea").reserved == 3


@pytest.mark.integration
def test_consumer_answers_a_state_machine_and_stops_on_signal(stack: Mapping[str, str]) -> None:
    service = Wiring(stack).service
    service.set_available("tea", 10)
    with running("services.stock.consumer", stack) as consumer:
        outcomes = [run(tea=tea, order_id=f"o-{tea}") for tea in (8, 3)]
        aws_clients.client("sqs").send_message(QueueUrl=queue_url(), MessageBody=confirmed_message("o-8"))
        eventually(lambda: service.level("tea").sold == 8)
        consumer.terminate()
        assert consumer.wait(timeout=30) == 0
    assert outcomes == ["RESERVED", "OUT_OF_STOCK"]
    row = service.level("tea")
    assert (row.available, row.reserved, row.sold) == (2, 0, 8)


def queue_url() -> str:
    return str(aws_clients.client("sqs").get_queue_url(QueueName="shop-stock")["QueueUrl"])


def run(order_id: str, tea: int) -> str:
    """The outcome of a state machine with one step, which sends the command to stock and waits for its answer."""
    states = aws_clients.client("stepfunctions")
    command = json.loads(reserve_message(order_id, tea))
    command["detail"]["task"] = {"token.$": "$$.Task.Token", "entered.$": "$$.State.EnteredTime", "timeout-seconds": 60}
    step = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": queue_url(), "MessageBody": command},
        "TimeoutSeconds": 60,
        "ResultPath": "$.ignored",
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "No"}],
        "Next": "Yes",
    }
    steps = {
        "Reserve": step,
        "Yes": {"Type": "Pass", "Result": {"Error": "RESERVED"}, "ResultPath": "$.failure", "End": True},
        "No": {"Type": "Pass", "End": True},
    }
    machine = states.create_state_machine(
        name=f"reserve-{order_id}",
        definition=json.dumps({"StartAt": "Reserve", "States": steps}),
        roleArn="arn:aws:iam::000000000000:role/reserve",
    )["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=machine, input="{}")["executionArn"]

    def output() -> str | None:
        found = states.describe_execution(executionArn=execution)
        assert found["status"] in {"RUNNING", "SUCCEEDED"}, found
        return str(found["output"]) if "output" in found else None

    return str(json.loads(eventually(output) or "")["failure"]["Error"])
