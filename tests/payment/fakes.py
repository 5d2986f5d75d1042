"""Payment's storage in memory. `step` is called around each write, where tests fail, crash or do something else."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from chassis.core.errors import Unavailable
from services.payment.commands_in import AuthorizePayment, PaymentCommand, VoidPayment
from services.payment.consumer import make_consumer
from services.payment.models import Payment, Status
from services.payment.provider import Answer
from services.payment.service import PaymentService
from services.payment.simulated import Entry, SimulatedProvider
from tests.fakes import FakeClock, FakeDeadLetters, FakeReplies, FakeTasks, command_message

T = TypeVar("T")
Step = Callable[[str], None]
DATA = {"orderId": "o-1", "userName": "ann", "amount": "36.90", "paymentToken": "tok_approved"}
FINAL = {Status.DECLINED, Status.VOIDED}


class Crash(BaseException):
    """The process dies here. Not an Exception, so that nothing handles it."""


def nothing(_: str) -> None:
    """The usual step."""


class Steps:
    """Calls `step` before and after each write, with its name."""

    def __init__(self) -> None:
        self.step: Step = nothing

    def _write(self, name: str, write: Callable[[], T]) -> T:
        self.step(f"before {name}")
        made = write()
        self.step(f"after {name}")
        return made


class FakePayments(Steps):
    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[tuple[str, str], Payment] = {}

    def get(self, user_name: str, order_id: str) -> Payment | None:
        return self.rows.get((user_name, order_id))

    def request(self, payment: Payment) -> Payment:
        return self._write("request", lambda: self.rows.setdefault((payment.userName, payment.orderId), payment))

    def settle(self, payment: Payment) -> Payment:
        key = payment.userName, payment.orderId

        def write() -> Payment:
            if self.rows[key].status is Status.REQUESTED:
                self.rows[key] = payment
            return self.rows[key]

        return self._write("settle", write)

    def void(self, user_name: str, order_id: str, now: str) -> Payment:
        key = user_name, order_id

        def write() -> Payment:
            new = Payment(userName=user_name, orderId=order_id, status=Status.VOIDED, changedAt=now)
            found = self.rows.setdefault(key, new)
            if found.status not in FINAL:
                self.rows[key] = found.model_copy(update={"status": Status.VOIDED, "changedAt": now})
            return self.rows[key]

        return self._write("void", write)


class FakeLedger(Steps):
    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[str, Entry] = {}
        self.down = False

    def open(self, entry: Entry) -> Entry:
        return self._write("charge", lambda: self.entries.setdefault(entry.idempotencyKey, entry))

    def void(self, key: str) -> None:
        def write() -> None:
            found = self.entries.setdefault(key, Entry(idempotencyKey=key, status=Status.VOIDED))
            if found.status is not Status.DECLINED:
                self.entries[key] = found.model_copy(update={"status": Status.VOIDED})

        self._write("ledger void", write)

    def check(self) -> None:
        if self.down:
            raise Unavailable("The payment provider is down.")

    def held(self) -> dict[str, Decimal]:
        """The amounts that the provider holds, by order."""
        return {e.idempotencyKey: e.amount or Decimal(0) for e in self.entries.values() if e.status == "AUTHORIZED"}


class SteppedTasks(FakeTasks, Steps):
    def __init__(self) -> None:
        FakeTasks.__init__(self)
        self.step: Step = nothing

    def _answer(self, token: str, answer: Any) -> None:
        answered = super()._answer
        self._write("answer", lambda: answered(token, answer))


class PaymentShop:
    """A payment service with the simulated provider, in memory. Late answers come after 90 seconds."""

    def __init__(self) -> None:
        self.payments, self.ledger, self.tasks = FakePayments(), FakeLedger(), SteppedTasks()
        self.clock = FakeClock()
        self.waited: list[float] = []
        self.provider = SimulatedProvider(self.ledger, 90, clock=self.clock, wait=self.waited.append)
        self.service = PaymentService(self.payments, self.provider, self.clock)
        self.dead = FakeDeadLetters()
        self.consumer = make_consumer(self.service, self.tasks, self.dead, FakeReplies())

    def steps(self, step: Step) -> None:
        self.payments.step = self.ledger.step = self.tasks.step = step

    @property
    def statuses(self) -> tuple[Status | None, Status | None]:
        """Of the order o-1: in payment's row, and in the provider's ledger."""
        row, entry = self.payments.get("ann", "o-1"), self.ledger.entries.get("o-1")
        return row.status if row else None, entry.status if entry else None

    def deliver(self, body: str) -> bool:
        """Whether the message was handled and may be deleted."""
        return self.consumer.handle_batch({"Records": [{"messageId": "m-1", "body": body}]}) == {
            "batchItemFailures": []
        }


def authorize(**data: Any) -> AuthorizePayment:
    return _command(AuthorizePayment, **data)


def void(**data: Any) -> VoidPayment:
    return _command(VoidPayment, **data)


C = TypeVar("C", bound=PaymentCommand)


def _command(kind: type[C], **data: Any) -> C:
    task = {"token": "t-1", "entered": "2026-11-26T10:15:30.000Z", "timeout-seconds": 60}
    return kind.model_validate(DATA | data | {"task": task})


def authorize_message(token: str = "t-1", **data: Any) -> str:
    return command_message(AuthorizePayment, DATA | data, token=token)


def void_message(token: str = "t-2", **data: Any) -> str:
    return command_message(VoidPayment, DATA | data, token=token)


class DoubleProvider:
    """A provider whose answers are given. `calls` has the arguments of each call."""

    def __init__(self, *answers: Answer, errors: int = 0) -> None:
        self.answers = answers
        self.errors = errors
        self.calls: list[tuple[Any, ...]] = []

    def authorize(self, idempotency_key: str, amount: Decimal, token: str) -> Sequence[Answer]:
        self._called("authorize", idempotency_key, amount, token)
        return self.answers

    def void(self, idempotency_key: str) -> None:
        self._called("void", idempotency_key)

    def check(self) -> None:
        self._called("check")

    def _called(self, *call: Any) -> None:
        self.calls.append(call)
        if self.errors:
            self.errors -= 1
            raise Unavailable("The payment provider does not answer.")
