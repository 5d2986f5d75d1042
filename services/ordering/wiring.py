"""The ordering service, built from its environment. Every client is made once."""

from collections.abc import Mapping
from functools import cached_property, partial

from chassis.aws.clients import ONE_SHOT, RELAY, Clients, Timeouts
from chassis.core.names import shop_name, table_names
from chassis.messaging.bus import EventBus
from chassis.messaging.dispatch import Publish, publish_now
from chassis.messaging.outbox import Outbox
from chassis.messaging.queue import Queue
from chassis.messaging.relay import Relay
from chassis.messaging.replies import Replies
from chassis.messaging.segment import Segment
from chassis.messaging.tasks import StepFunctionsTasks
from services.ordering.executions import StateMachine
from services.ordering.fulfilment import Fulfilment
from services.ordering.moves import Moves
from services.ordering.service import OrderService
from services.ordering.store import OrderStore
from services.ordering.sweep import Sweep


class Wiring:
    def __init__(self, env: Mapping[str, str]) -> None:
        self.clients = Clients(env)
        self._shop = shop_name(env)
        self._table = table_names(env)
        self._segment = env.get("SHOP_RELAY_SEGMENT") or "1/1"

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.clients.of("dynamodb"), self._table("order-outbox"))

    @cached_property
    def store(self) -> OrderStore:
        return OrderStore(self.clients.of("dynamodb"), self.outbox, self._table("order"))

    @cached_property
    def publish_now(self) -> Publish:
        return partial(publish_now, bus=self.bus(ONE_SHOT), outbox=self.outbox)

    @cached_property
    def fulfilment(self) -> Fulfilment:
        machine = f"{self._shop}-fulfil-order"
        return Fulfilment(StateMachine(self.clients.of("stepfunctions"), self.store.arn, machine))

    @cached_property
    def service(self) -> OrderService:
        return OrderService(self.store, Moves(self.store, self.publish_now), self.fulfilment)

    @cached_property
    def sweep(self) -> Sweep:
        return Sweep(self.store, self.fulfilment)

    @cached_property
    def tasks(self) -> StepFunctionsTasks:
        return StepFunctionsTasks(self.clients.of("stepfunctions"))

    @cached_property
    def relay(self) -> Relay:
        return Relay(self.outbox, self.bus(RELAY), segment=Segment.of(self._segment))

    @cached_property
    def queue(self) -> Queue:
        return self._queue("order")

    @cached_property
    def dead_letters(self) -> Queue:
        return self._queue("order-dlq")

    @cached_property
    def replies(self) -> Replies:
        return self._replies_for("order")

    @cached_property
    def command_queue(self) -> Queue:
        return self._queue("order-commands")

    @cached_property
    def command_dead_letters(self) -> Queue:
        return self._queue("order-commands-dlq")

    @cached_property
    def command_replies(self) -> Replies:
        return self._replies_for("order-commands")

    def check_commands(self) -> None:
        """Raises Unavailable while commands cannot be executed or answered."""
        self.store.check()
        self.tasks.check()

    def bus(self, timeouts: Timeouts) -> EventBus:
        return EventBus(self.clients.of("events", timeouts), f"{self._shop}-bus")

    def _queue(self, name: str) -> Queue:
        return Queue.of(self.clients, f"{self._shop}-{name}")

    def _replies_for(self, queue: str) -> Replies:
        return Replies(self._queue("doctor").send, f"{self._shop}-{queue}")
