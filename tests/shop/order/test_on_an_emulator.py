"""`shop order` against the shop's own state machine, tables and a Step Functions. Only the two services are fakes."""

import json
from collections.abc import Mapping
from typing import Any, cast

import pytest

from bootstrap.clock import Clock
from services.stock.models import Reservation
from services.stock.store import StockStore
from shop.connection import Connection
from shop.demo.client import Answer, Client
from shop.order.commands import _sources
from shop.order.executions import Execution, Executions
from shop.order.sources import Sources
from tests import aws_clients
from tests.shop.order.histories import PLACED

pytestmark = pytest.mark.integration
INPUT = {
    "metadata": {"id": "o1-1"},
    "status": "PLACED",
    "orderId": "o1",
    "userName": "ann",
    "items": [],
    "amount": "36.90",
    "paymentToken": "",
}


class OrderingAlone:
    """Knows the order of ann. There is no payment yet."""

    def ask(self, method: str, url: str) -> Answer:
        is_order = url == "http://o/order/ann/o1"
        return Answer(200, {}, {"orderId": "o1"}) if is_order else Answer(404, {}, {})


@pytest.fixture
def sources(aws_env: Mapping[str, str], connection: Connection) -> Sources:
    urls = {"ordering": "http://o", "payment": "http://p"}
    return _sources(connection, aws_env, urls, lambda _user: cast("Client", OrderingAlone()))


def start(executions: Executions, given: Mapping[str, Any] = INPUT) -> None:
    machine = executions.machine
    aws_clients.client("stepfunctions").start_execution(stateMachineArn=machine, name="o1-1", input=json.dumps(given))


def refuse(queue: str, error: str) -> None:
    """Receives the command in the queue and refuses it."""
    sqs = aws_clients.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    token = json.loads(message["Body"])["detail"]["task"]["token"]
    aws_clients.client("stepfunctions").send_task_failure(taskToken=token, error=error, cause="a test")


def steps(executions: Executions, number: int) -> Execution:
    """The execution once it has come to the step of this number."""
    for _ in Clock().polls(20, longest=0.2):
        (execution,) = executions.of("o1")
        if len(execution.steps) == number:
            return execution
    raise AssertionError(execution)


def test_an_order_is_found_by_its_id_alone(sources: Sources) -> None:
    start(sources.executions)
    way = sources.way("o1")
    assert (way.order, way.payment, way.reservation) == ({"orderId": "o1"}, None, None)
    assert [execution.status for execution in way.executions] == ["RUNNING"]


def test_steps_are_read_from_the_history_of_a_real_execution(sources: Sources) -> None:
    start(sources.executions)
    first = steps(sources.executions, 1).waiting
    assert first is not None
    assert first.name == "Reserve stock"
    refuse("shop-stock", "OUT_OF_STOCK")
    refused, waiting = steps(sources.executions, 2).steps
    assert (refused.name, refused.error) == ("Reserve stock", "OUT_OF_STOCK")
    assert refused.ended is not None
    assert (waiting.name, waiting.ended) == ("Reject order", None)
    assert first.began == refused.began <= refused.ended <= waiting.began


def test_a_reservation_is_read_as_stock_wrote_it(sources: Sources) -> None:
    store = StockStore(aws_clients.resource("dynamodb").meta.client, "shop-stock", "shop-reservation")
    assert store.move(None, Reservation.of("o1", "ann", {"p-1": 3}, {}, PLACED), {})
    found = sources.reservations.of("o1")
    assert found is not None
    assert (found["state"], found["reservedAt"]) == ("RESERVED", "2026-11-26T10:15:30.000Z")
    assert found["lines"] == [{"productId": "p-1", "quantity": 3, "taken": 0}]
