"""The product service, built from its environment. Every client is made once."""

import uuid
from collections.abc import Mapping
from functools import cached_property, partial

from chassis.aws.clients import ONE_SHOT, RELAY, Clients, Timeouts
from chassis.core.names import shop_name, table_names
from chassis.messaging.bus import EventBus
from chassis.messaging.dispatch import Publish, publish_now
from chassis.messaging.outbox import Outbox
from chassis.messaging.relay import Relay
from chassis.messaging.segment import Segment
from services.product.service import ProductService
from services.product.store import ProductStore


class Wiring:
    def __init__(self, env: Mapping[str, str]) -> None:
        self.clients = Clients(env)
        self._shop = shop_name(env)
        self._table = table_names(env)
        self._segment = env.get("SHOP_RELAY_SEGMENT") or "1/1"

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.clients.of("dynamodb"), self._table("product-outbox"))

    @cached_property
    def store(self) -> ProductStore:
        return ProductStore(self.clients.of("dynamodb"), self.outbox, self._table("product"))

    @cached_property
    def publish_now(self) -> Publish:
        return partial(publish_now, bus=self.bus(ONE_SHOT), outbox=self.outbox)

    def service(self, publish: Publish) -> ProductService:
        return ProductService(self.store, publish, lambda: str(uuid.uuid4()))

    @cached_property
    def relay(self) -> Relay:
        return Relay(self.outbox, self.bus(RELAY), segment=Segment.of(self._segment))

    def bus(self, timeouts: Timeouts) -> EventBus:
        return EventBus(self.clients.of("events", timeouts), f"{self._shop}-bus")
