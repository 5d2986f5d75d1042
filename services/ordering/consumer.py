"""Places orders for checkouts: `python -m services.ordering.consumer` consumes the order queue."""

import os
from collections.abc import Mapping

from chassis.core import logs, metrics
from chassis.messaging.consumer import Consumer, DeadLetters
from chassis.messaging.process import Stop
from chassis.messaging.queue import Consuming, consume
from chassis.messaging.replies import Replies
from services.ordering.events_in import BasketCheckedOut
from services.ordering.service import OrderService
from services.ordering.wiring import Wiring


def make_consumer(service: OrderService, dead_letters: DeadLetters, replies: Replies) -> Consumer:
    return Consumer({BasketCheckedOut: service.place}, dead_letters, replies)


def from_env(env: Mapping[str, str]) -> Consuming:
    logs.configure("ordering-consumer", env)
    metrics.configure("ordering-consumer", env)
    wiring = Wiring(env)
    consumer = make_consumer(wiring.service, wiring.dead_letters, wiring.replies)
    return Consuming(wiring.queue, consumer, wiring.store.check)


def main(env: Mapping[str, str]) -> None:
    consume(*from_env(env), Stop().on_signals())


if __name__ == "__main__":
    main(os.environ)
