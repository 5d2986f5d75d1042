import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.core.errors import Misconfigured
from chassis.messaging.process import Stop
from chassis.messaging.queue import consume
from services.payment.commands_in import AuthorizePayment, VoidPayment
from services.payment.models import Status
from services.payment.store import OUTAGE
from services.payment.wiring import Wiring
from tests import aws_clients
from tests.fakes import command_message
from tests.payment.fakes import DATA, PaymentShop, authorize_message, void_message
from tests.processes import eventually, running


@pytest.fixture
def shop() -> PaymentShop:
    return PaymentShop()


def test_authorization_is_answered_with_the_providers_id(shop: PaymentShop) -> None:
    assert shop.deliver(authorize_message())
    assert shop.tasks.answers == [("t-1", {"authorizationId": shop.ledger.entries["o-1"].authorizationId})]


@pytest.mark.parametrize(
    ("token", "error"), [("tok_declined", "PAYMENT_DECLINED"), ("tok_insufficient_funds", "PAYMENT_INSUFFICIENT_FUNDS")]
)
def test_declined_payment_fails_the_task_with_its_reason(shop: PaymentShop, token: str, error: str) -> None:
    assert shop.deliver(authorize_message(paymentToken=token))
    assert shop.tasks.answers == [("t-1", error)]


def test_void_is_answered_and_a_later_authorization_is_refused(shop: PaymentShop) -> None:
    assert shop.deliver(void_message())
    assert shop.deliver(authorize_message())
    assert shop.tasks.answers == [("t-2", {}), ("t-1", "PAYMENT_VOIDED")]


def test_expired_authorization_has_no_effect_and_an_expired_void_has(shop: PaymentShop) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    assert shop.deliver(command_message(AuthorizePayment, DATA, entered=long_ago))
    assert (shop.statuses, shop.tasks.answers) == ((None, None), [])
    assert shop.deliver(command_message(VoidPayment, DATA, entered=long_ago))
    assert (shop.statuses[0], shop.tasks.answers) == (Status.VOIDED, [("t-1", {})])


@pytest.mark.parametrize("token", ["tok_silent", "tok_late", "tok_down"])
def test_command_waits_in_its_queue_while_the_provider_does_not_answer(shop: PaymentShop, token: str) -> None:
    assert not shop.deliver(authorize_message(paymentToken=token))
    assert (shop.tasks.answers, shop.dead.sent) == ([], [])


def test_command_for_another_amount_goes_to_the_dead_letter_queue(shop: PaymentShop) -> None:
    shop.deliver(authorize_message())
    assert shop.deliver(authorize_message(amount="1.00"))
    assert [sent["reason"] for sent in shop.dead.sent] == [
        "The payment of order o-1 was requested with another amount."
    ]


class ScriptedQueue:
    """A queue that always has one message. It stops the loop after so many seconds of waiting."""

    def __init__(self, body: str) -> None:
        self.body = body
        self.received = 0

    def receive(self) -> list[dict[str, Any]]:
        self.received += 1
        return [{"messageId": "m-1", "receiptHandle": "r-1", "body": self.body}]

    def delete(self, records: list[dict[str, Any]]) -> None:
        self.body = ""

    def back_off(self, records: list[dict[str, Any]]) -> None:
        """It becomes visible again at once."""


class Hour(Stop):
    """Each wait is a second of an outage, which ends after 3,600. The loop ends after the message is deleted."""

    def __init__(self, shop: PaymentShop, queue: ScriptedQueue) -> None:
        super().__init__()
        self.shop, self.queue, self.seconds = shop, queue, 0.0

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.shop.ledger.down = self.seconds < 3600

    def __bool__(self) -> bool:
        return not self.queue.body


@pytest.mark.parametrize("message", [authorize_message, void_message])
def test_outage_of_an_hour_uses_up_one_attempt_of_a_message(shop: PaymentShop, message: Callable[[], str]) -> None:
    """SQS moves a message to the dead-letter queue after ten attempts."""
    if message is void_message:
        shop.deliver(authorize_message())
    queue, checks = ScriptedQueue(message()), 0

    def check() -> None:
        nonlocal checks
        checks += 1
        if checks > 1:
            shop.provider.check()
        else:
            shop.ledger.down = True  # the outage begins between the check and the message

    hour = Hour(shop, queue)
    consume(queue, shop.consumer, check, hour)  # type: ignore[arg-type] # a double
    assert queue.received == 2
    assert hour.seconds >= 3600
    assert shop.tasks.answers


# ── With a state machine ──

STEP_TIMEOUT = 30


@contextmanager
def machine(command: str) -> Iterator[str]:
    """The ARN of a state machine of one step, which sends the command and waits for its answer."""
    queue = aws_clients.client("sqs").get_queue_url(QueueName="shop-payment")["QueueUrl"]
    detail = {
        "metadata": {
            "id": "e-1", "idempotency-key": "e-1", "version": 1, "correlation-id": "c-1",
            "occurred-at": "2026-11-26T10:15:30.000Z",
        },
        "task": {
            "token.$": "$$.Task.Token",
            "entered.$": "$$.State.EnteredTime",
            "timeout-seconds": STEP_TIMEOUT,
        },
        "data.$": "$",
    }  # fmt: skip
    body = {"source": AuthorizePayment.SOURCE, "detail-type": command, "detail": detail}
    step = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": queue, "MessageBody": body},
        "TimeoutSeconds": STEP_TIMEOUT,
        "End": True,
    }
    definition = json.dumps({"StartAt": "Step", "States": {"Step": step}})
    client = aws_clients.client("stepfunctions")
    role = "arn:aws:iam::000000000000:role/shop-fulfil-order"
    made = client.create_state_machine(name=f"shop-{command}", definition=definition, roleArn=role)
    yield made["stateMachineArn"]
    client.delete_state_machine(stateMachineArn=made["stateMachineArn"])


def start(arn: str, **data: str) -> str:
    execution = aws_clients.client("stepfunctions").start_execution(stateMachineArn=arn, input=json.dumps(DATA | data))
    return str(execution["executionArn"])


def end(execution: str) -> Any:
    client = aws_clients.client("stepfunctions")
    found: Any = eventually(
        lambda: (found := client.describe_execution(executionArn=execution))["status"] != "RUNNING" and found
    )
    return found


@pytest.mark.integration
def test_state_machine_gets_the_answers_of_authorizations_and_voids(stack: Mapping[str, str]) -> None:
    store = Wiring(stack).store
    with (
        running("services.payment.consumer", stack),
        machine("AuthorizePayment") as asks,
        machine("VoidPayment") as voids,
    ):
        approved, declined = start(asks), start(asks, orderId="o-2", paymentToken="tok_declined")
        assert end(approved)["status"] == "SUCCEEDED"
        payment = store.get("ann", "o-1")
        assert payment
        assert json.loads(end(approved)["output"]) == {"authorizationId": payment.authorizationId}
        assert (end(declined)["status"], end(declined)["error"]) == ("FAILED", "PAYMENT_DECLINED")
        assert end(start(voids))["status"] == "SUCCEEDED"
        refused = end(start(asks))
        assert (refused["status"], refused["error"]) == ("FAILED", "PAYMENT_VOIDED")
    held = aws_clients.table("shop-payment-ledger").scan()["Items"]
    assert {row["idempotencyKey"]: row["status"] for row in held} == {"o-1": "VOIDED", "o-2": "DECLINED"}


@pytest.mark.integration
def test_consumer_receives_nothing_while_the_provider_is_down(stack: Mapping[str, str], tmp_path: Path) -> None:
    sqs, ledger, store = aws_clients.client("sqs"), aws_clients.table("shop-payment-ledger"), Wiring(stack).store
    ledger.put_item(Item={"idempotencyKey": OUTAGE})
    url = sqs.get_queue_url(QueueName="shop-payment")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=void_message())
    with running("services.payment.consumer", stack, tmp_path / "log") as consumer:
        eventually(lambda: (tmp_path / "log").read_text().count("storage does not answer; not receiving") >= 2)
        assert store.get("ann", "o-1") is None
        ledger.delete_item(Key={"idempotencyKey": OUTAGE})
        eventually(lambda: (payment := store.get("ann", "o-1")) and payment.status is Status.VOIDED)
        consumer.terminate()
        assert consumer.wait(timeout=30) == 0


@pytest.mark.integration
def test_setting_for_late_answers_must_be_a_number(stack: Mapping[str, str]) -> None:
    with pytest.raises(Misconfigured, match="SHOP_LATE_PAYMENT is 'soon': set it to a number of seconds"):
        _ = Wiring({**stack, "SHOP_LATE_PAYMENT": "soon"}).provider
