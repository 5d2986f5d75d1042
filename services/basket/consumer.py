"""Updates basket's copy of the catalogue: `python -m services.basket.consumer` consumes the catalogue queue."""

import os
from collections.abc import Mapping

from chassis.core import logs, metrics
from chassis.messaging.consumer import Consumer, DeadLetters
from chassis.messaging.process import Stop
from chassis.messaging.queue import Consuming, consume
from chassis.messaging.replies import Replies
from services.basket.catalogue import CatalogueItems, replicate
from services.basket.events_in import ProductChanged, ProductCreated, ProductDeleted
from services.basket.wiring import Wiring


def make_consumer(items: CatalogueItems, dead_letters: DeadLetters, replies: Replies) -> Consumer:
    def handle(event: ProductCreated | ProductDeleted) -> None:
        replicate(event.to_item(), items)

    return Consumer(dict.fromkeys([ProductCreated, ProductChanged, ProductDeleted], handle), dead_letters, replies)


def from_env(env: Mapping[str, str]) -> Consuming:
    logs.configure("basket-consumer", env)
    metrics.configure("basket-consumer", env)
    wiring = Wiring(env)
    store = wiring.catalogue_store
    return Consuming(wiring.queue, make_consumer(store, wiring.dead_letters, wiring.replies), store.check)


def main(env: Mapping[str, str]) -> None:
    consume(*from_env(env), Stop().on_signals())


if __name__ == "__main__":
    main(os.environ)
