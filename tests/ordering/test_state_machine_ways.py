"""Executions on an emulator take every way through the state machine, with stub workers at the other end."""

import json
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, Self

import pytest

from bootstrap.clock import Clock
from chassis.core.events import Envelope
from chassis.messaging.commands import Command
from chassis.messaging.tasks import StepFunctionsTasks
from tests import aws_clients
from tests.ordering.machine import EVERYTHING, Way, callbacks, covering, definition, distinct
from tests.stacks import deploy

pytestmark = pytest.mark.integration
QUEUES = ("shop-stock", "shop-payment", "shop-order-commands")
AT_ONCE = 12  # more would wait for their answers longer than the short time-outs of the test
METADATA = {"id": "m-1", "idempotency-key": "m-1", "version": 1, "correlation-id": "c-1", "occurred-at": "2026-11-26"}
MACHINE = definition()
COMMANDS = {state["Parameters"]["MessageBody"]["detail-type"]: name for name, state in callbacks(MACHINE).items()}
CHOICES = {name for name, state in MACHINE["States"].items() if state["Type"] == "Choice"}


class Order(NamedTuple):
    """An order whose commands are answered so that its execution takes `way`."""

    id: str
    way: Way

    @property
    def states(self) -> list[str]:
        return [step.state for step in self.way]

    @property
    def input(self) -> dict[str, Any]:
        exit_ = self.way[0].exit
        status = "CANCELLING" if exit_ is None or exit_.why == "else" else exit_.why
        items = [{"productId": "p-1", "quantity": 2}]
        facts = {"orderId": self.id, "userName": "ann", "items": items, "amount": "36.90", "paymentToken": "tok"}
        return {"metadata": METADATA, "status": status} | facts

    @property
    def status(self) -> str:
        """How the execution ends."""
        return "FAILED" if self.states[-1] == "Failed" else "SUCCEEDED"

    @property
    def reason(self) -> str | None:
        """The first refusal, or the service that was silent."""
        silent = {"Reserve stock": "STOCK_TIMEOUT", "Authorize payment": "PAYMENT_TIMEOUT"}
        refused = [(step.state, step.exit.why) for step in self.way[1:] if step.exit and step.exit.why]
        return next((silent.get(state) if why == EVERYTHING else why for state, why in refused), None)

    def error_at(self, state: str) -> str:
        """The error by which the state is left; empty if it is left in the ordinary way."""
        return next(step.exit.why for step in self.way if step.state == state and step.exit)

    def answer_at(self, state: str) -> dict[str, str]:
        """A choice that follows reads the status from it."""
        following = self.way[self.states.index(state) + 1]
        return {"status": following.exit.why} if following.exit and following.state in CHOICES else {}


class Workers:
    """Receive the commands of all queues and answer them as the orders want. To an order that wants a time-out: not."""

    def __init__(self, orders: Mapping[str, Order]) -> None:
        self.received: list[dict[str, Any]] = []
        self._orders = orders
        self._stopping = threading.Event()
        self._sqs = aws_clients.client("sqs")
        self._tasks = StepFunctionsTasks(aws_clients.client("stepfunctions"))

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor()
        self._loops = [self._pool.submit(self._work, queue) for queue in QUEUES]
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for loop in self._loops:
            loop.result()
        self._pool.shutdown()

    def _work(self, queue: str) -> None:
        url = queue_url(queue)
        while not self._stopping.is_set():
            found = self._sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
            for message in found.get("Messages", []):
                body = json.loads(message["Body"])
                if body["detail-type"] in COMMANDS:  # a tick of the sweep is none
                    self._answer(body)
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def _answer(self, body: dict[str, Any]) -> None:
        self.received.append(body)
        command = Command.read(Envelope.model_validate(body).detail)
        order, state = self._orders[body["detail"]["data"]["orderId"]], COMMANDS[body["detail-type"]]
        if not (error := order.error_at(state)):
            self._tasks.succeed(command.task.token, order.answer_at(state))
        elif error != EVERYTHING:
            self._tasks.fail(command.task.token, error, "as planned")


@pytest.fixture
def machine_arn(aws_env: Mapping[str, str], request: pytest.FixtureRequest) -> str:
    """The state machine in a shop with short time-outs, as far as the emulator is quick."""
    deploy(aws_env, step_timeout=step_timeout(request))
    for queue in missing_queues():
        aws_clients.client("sqs").create_queue(QueueName=queue)
    [machine] = aws_clients.client("stepfunctions").list_state_machines()["stateMachines"]
    return str(machine["stateMachineArn"])


def step_timeout(request: pytest.FixtureRequest) -> int:
    return 3 if request.config.getoption("--emulator") == "ministack" else 30


def missing_queues() -> set[str]:
    found = aws_clients.client("sqs").list_queues()["QueueUrls"]
    return {*QUEUES} - {url.rpartition("/")[2] for url in found}


def queue_url(queue: str) -> str:
    return str(aws_clients.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"])


def orders(request: pytest.FixtureRequest) -> list[Order]:
    """LocalStack is too slow for more than each exit of each state."""
    choose = distinct if request.config.getoption("--emulator") == "ministack" else covering
    return [Order(str(uuid.uuid4()), way) for way in choose(MACHINE)]


def run(machine_arn: str, order: Order) -> str:
    """The execution, after it has ended."""
    states = aws_clients.client("stepfunctions")
    started = states.start_execution(stateMachineArn=machine_arn, name=f"{order.id}-1", input=json.dumps(order.input))
    for _ in Clock().polls(180):
        if states.describe_execution(executionArn=started["executionArn"])["status"] != "RUNNING":
            break
    return str(started["executionArn"])


def test_executions_take_every_way_and_no_other(machine_arn: str, request: pytest.FixtureRequest) -> None:
    chosen = orders(request)
    by_id = {order.id: order for order in chosen}
    with Workers(by_id) as workers, ThreadPoolExecutor(AT_ONCE) as pool:
        executions = list(pool.map(partial(run, machine_arn), chosen))
    assert [entered(execution) for execution in executions] == [order.states for order in chosen]
    assert [status(execution) for execution in executions] == [order.status for order in chosen]
    for body in workers.received:
        check_command(body, by_id[body["detail"]["data"]["orderId"]])


def check_command(body: Mapping[str, Any], order: Order) -> None:
    """It has the facts of the execution's input, and the reason of a rejection."""
    assert body["detail"]["metadata"] == METADATA
    facts = order.input | {"reason": order.reason}
    data = body["detail"]["data"]
    assert data == {name: facts[name] for name in data}
    assert data.keys() >= {"orderId", "userName"}


def status(execution: str) -> str:
    return str(aws_clients.client("stepfunctions").describe_execution(executionArn=execution)["status"])


def entered(execution: str) -> list[str]:
    pages = aws_clients.client("stepfunctions").get_paginator("get_execution_history")
    events = [event for page in pages.paginate(executionArn=execution) for event in page["events"]]
    return [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
