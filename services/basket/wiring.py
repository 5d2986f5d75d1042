"""The basket service, built from its environment. Every client is made once."""

import uuid
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
from services.basket.catalogue import ReplicatedCatalogue
from services.basket.products import HttpProducts
from services.basket.service import BasketService
from services.basket.store import BasketStore, CatalogueStore


class Wiring:
    def __init__(self, env: Mapping[str, str]) -> None:
        self.clients = Clients(env)
        self._shop = shop_name(env)
        self._table = table_names(env)
        self._segment = env.get("SHOP_RELAY_SEGMENT") or "1/1"
        self._product_url = env.get("PRODUCT_URL") or "http://127.0.0.1:8001"
        self.ordering_url = env.get("ORDERING_URL") or "http://127.0.0.1:8003"

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self.clients.of("dynamodb"), self._table("basket-outbox"))

    @cached_property
    def store(self) -> BasketStore:
        dynamodb = self.clients.of("dynamodb")
        return BasketStore(dynamodb, self.outbox, self._table("basket"), self._table("receipt"))

    @cached_property
    def catalogue_store(self) -> CatalogueStore:
        return CatalogueStore(self.clients.of("dynamodb"), self._table("catalogue"))

    @cached_property
    def products(self) -> HttpProducts:
        return HttpProducts(self._product_url)

    @cached_property
    def catalogue(self) -> ReplicatedCatalogue:
        return ReplicatedCatalogue(self.catalogue_store, self.products)

    @cached_property
    def publish_now(self) -> Publish:
        return partial(publish_now, bus=self.bus(ONE_SHOT), outbox=self.outbox)

    def service(self, publish: Publish) -> BasketService:
        return BasketService(self.store, self.catalogue, publish, lambda: str(uuid.uuid4()))

    @cached_property
    def relay(self) -> Relay:
        return Relay(self.outbox, self.bus(RELAY), segment=Segment.of(self._segment))

    @cached_property
    def queue(self) -> Queue:
        return Queue.of(self.clients, f"{self._shop}-catalogue")

    @cached_property
    def dead_letters(self) -> Queue:
        return Queue.of(self.clients, f"{self._shop}-catalogue-dlq")

    @cached_property
    def replies(self) -> Replies:
        return Replies(Queue.of(self.clients, f"{self._shop}-doctor").send, f"{self._shop}-catalogue")

    def bus(self, timeouts: Timeouts) -> EventBus:
        return EventBus(self.clients.of("events", timeouts), f"{self._shop}-bus")
