"""The catalogue by events: `python -m services.basket.consumer` keeps basket's copy as the product service has it."""

import os
from collections.abc import Mapping
from typing import ClassVar

import structlog
from pydantic import Field

from chassis.core import logs
from chassis.core.events import EventData
from chassis.core.instants import Instant
from chassis.messaging.consumer import Consumer, DeadLetters
from chassis.messaging.process import Stop
from chassis.messaging.queue import Queue, consume
from services.basket.app import make_catalogue_store, stack
from services.basket.catalogue import CatalogueItem, CatalogueItems, Price, Version
from services.basket.models import ProductId

log = structlog.stdlib.get_logger(__name__)


class ProductEvent(EventData):
    """What basket reads of every event about a product."""

    SOURCE: ClassVar = "com.swn.product"
    VERSION: ClassVar = 1

    productId: ProductId
    version: Version


class ProductCreated(ProductEvent):
    DETAIL_TYPE: ClassVar = "ProductCreated"

    name: str = Field(max_length=200)
    category: str = Field(max_length=100)
    price: Price

    def entry(self) -> CatalogueItem:
        return CatalogueItem(**self.model_dump())


class ProductChanged(ProductCreated):
    DETAIL_TYPE: ClassVar = "ProductChanged"


class ProductDeleted(ProductEvent):
    DETAIL_TYPE: ClassVar = "ProductDeleted"

    deletedAt: Instant

    def entry(self) -> CatalogueItem:
        return CatalogueItem.tombstone(self.productId, self.version, self.deletedAt)


def make_consumer(entries: CatalogueItems, dead_letters: DeadLetters) -> Consumer:
    def take(event: ProductCreated | ProductDeleted) -> None:
        entry = event.entry()
        taken = entries.put_newer(entry) == entry
        log.info(
            "catalogue updated" if taken else "catalogue knew better",
            product_id=entry.productId,
            product_version=entry.version,
        )

    return Consumer(dict.fromkeys([ProductCreated, ProductChanged, ProductDeleted], take), dead_letters)


def main(env: Mapping[str, str]) -> None:
    logs.configure("basket-consumer", env)
    store = make_catalogue_store(env)
    consumer = make_consumer(store, Queue.of(env, f"{stack(env)}-catalogue-dlq"))
    consume(Queue.of(env, f"{stack(env)}-catalogue"), consumer.handle_batch, store.check, Stop().on_signals())


if __name__ == "__main__":
    main(os.environ)
