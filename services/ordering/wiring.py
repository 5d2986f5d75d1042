"""The ordering service, built from its environment. Every client is made once."""

from collections.abc import Mapping
from functools import cached_property

from chassis.aws.clients import Clients
from chassis.core.names import shop_name
from chassis.messaging.queue import Queue
from chassis.messaging.replies import Replies
from services.ordering.service import OrderService
from services.ordering.store import OrderStore


class Wiring:
    def __init__(self, env: Mapping[str, str]) -> None:
        self.clients = Clients(env)
        self._shop = shop_name(env)

    @cached_property
    def store(self) -> OrderStore:
        return OrderStore(self.clients.of("dynamodb"), f"{self._shop}-order")

    @cached_property
    def service(self) -> OrderService:
        return OrderService(self.store)

    @cached_property
    def queue(self) -> Queue:
        return Queue.of(self.clients, f"{self._shop}-order")

    @cached_property
    def dead_letters(self) -> Queue:
        return Queue.of(self.clients, f"{self._shop}-order-dlq")

    @cached_property
    def replies(self) -> Replies:
        return Replies(Queue.of(self.clients, f"{self._shop}-doctor").send, f"{self._shop}-order")
