"""The payment service, built from its environment. Every client is made once."""

from collections.abc import Mapping
from functools import cached_property

from chassis.aws.clients import Clients
from chassis.core.errors import Misconfigured
from chassis.core.names import shop_name, table_names
from chassis.messaging.queue import Queue
from chassis.messaging.replies import Replies
from chassis.messaging.tasks import StepFunctionsTasks
from services.payment.provider import PaymentProvider
from services.payment.retrying import RetryingProvider
from services.payment.service import PaymentService
from services.payment.simulated import SimulatedProvider
from services.payment.store import LedgerStore, PaymentStore

LATE = "90"  # seconds, longer than a step of the state machine waits


class Wiring:
    def __init__(self, env: Mapping[str, str]) -> None:
        self.clients = Clients(env)
        self._shop = shop_name(env)
        self._table = table_names(env)
        self._late = env.get("SHOP_LATE_PAYMENT") or LATE

    @cached_property
    def store(self) -> PaymentStore:
        return PaymentStore(self.clients.of("dynamodb"), self._table("payment"))

    @cached_property
    def provider(self) -> PaymentProvider:
        """An adapter of a real provider takes the place of the simulated one here."""
        ledger = LedgerStore(self.clients.of("dynamodb"), self._table("payment-ledger"))
        return RetryingProvider(SimulatedProvider(ledger, _seconds(self._late)))

    @cached_property
    def service(self) -> PaymentService:
        return PaymentService(self.store, self.provider)

    @cached_property
    def tasks(self) -> StepFunctionsTasks:
        return StepFunctionsTasks(self.clients.of("stepfunctions"))

    @cached_property
    def queue(self) -> Queue:
        return Queue.of(self.clients, f"{self._shop}-payment")

    @cached_property
    def dead_letters(self) -> Queue:
        return Queue.of(self.clients, f"{self._shop}-payment-dlq")

    @cached_property
    def replies(self) -> Replies:
        return Replies(Queue.of(self.clients, f"{self._shop}-doctor").send, f"{self._shop}-payment")

    def check(self) -> None:
        """Raises Unavailable during an outage of the database, the provider or Step Functions.

        No message is received then. Otherwise each would use up its attempts, and end in the dead-letter queue.
        """
        self.store.check()
        self.provider.check()
        self.tasks.check()


def _seconds(text: str) -> float:
    if not text.isdecimal():
        raise Misconfigured(f"SHOP_LATE_PAYMENT is {text!r}: set it to a number of seconds, such as {LATE}.")
    return float(text)
