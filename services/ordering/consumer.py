"""Events in, orders out: `python -m services.ordering.consumer` reads the order queue until it is told to stop."""

import os
from collections.abc import Mapping

from chassis.core import logs
from chassis.messaging.consumer import Consumer, DeadLetters
from chassis.messaging.process import Stop
from chassis.messaging.queue import Queue, consume
from services.ordering.app import make_store, stack
from services.ordering.models import BasketCheckedOut
from services.ordering.service import OrderService


def make_consumer(service: OrderService, dead_letters: DeadLetters) -> Consumer:
    return Consumer({BasketCheckedOut: service.place}, dead_letters)


def main(env: Mapping[str, str]) -> None:
    logs.configure("ordering-consumer", env)
    store = make_store(env)
    consumer = make_consumer(OrderService(store), Queue.of(env, f"{stack(env)}-order-dlq"))
    consume(Queue.of(env, f"{stack(env)}-order"), consumer.handle_batch, store.check, Stop().on_signals())


if __name__ == "__main__":
    main(os.environ)
