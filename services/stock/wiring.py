"""The stock service, built from its environment. Every client is made once."""

import uuid
from collections.abc import Mapping
from functools import cached_property

from chassis.aws.clients import Clients
from chassis.core.names import shop_name, table_names
from chassis.messaging.queue import Queue
from chassis.messaging.replies import Replies
from chassis.messaging.tasks import StepFunctionsTasks
from services.stock.service import StockService
from services.stock.store import StockStore


class Wiring:
    def __init__(self, env: Mapping[str, str]) -> None:
        self.clients = Clients(env)
        self._shop = shop_name(env)
        self._table = table_names(env)

    @cached_property
    def store(self) -> StockStore:
        return StockStore(self.clients.of("dynamodb"), self._table("stock"), self._table("reservation"))

    @cached_property
    def service(self) -> StockService:
        return StockService(self.store, lambda: str(uuid.uuid4()))

    @cached_property
    def tasks(self) -> StepFunctionsTasks:
        return StepFunctionsTasks(self.clients.of("stepfunctions"))

    @cached_property
    def queue(self) -> Queue:
        return Queue.of(self.clients, f"{self._shop}-stock")

    @cached_property
    def dead_letters(self) -> Queue:
        return Queue.of(self.clients, f"{self._shop}-stock-dlq")

    @cached_property
    def replies(self) -> Replies:
        return Replies(Queue.of(self.clients, f"{self._shop}-doctor").send, f"{self._shop}-stock")

    def check(self) -> None:
        """Raises Unavailable during an outage of the database or of Step Functions.

        No message is received then. Otherwise each would use up its attempts, and end in the dead-letter queue.
        """
        self.store.check()
        self.store.reservation("_")
        self.tasks.check()
