"""Moves stock for orders: `python -m services.stock.consumer` consumes the stock queue, commands and events alike."""

import os
from collections.abc import Mapping

from chassis.core import deadline, logs, metrics
from chassis.messaging.commands import Tasks, answering, before_expiry
from chassis.messaging.consumer import Consumer, DeadLetters, Handlers
from chassis.messaging.process import Stop
from chassis.messaging.queue import Consuming, consume
from chassis.messaging.replies import Replies
from services.stock.commands_in import ReleaseStock, ReserveStock
from services.stock.events_in import OrderConfirmed
from services.stock.service import StockService
from services.stock.wiring import Wiring

# Seconds in which a message wins its races for rows that many orders want, or is retried later. The messages of a batch
# are handled at the same time, so a batch takes half as long as the queue's visibility timeout.
TIME_LIMIT = 10.0


def make_consumer(
    service: StockService, tasks: Tasks, dead_letters: DeadLetters, replies: Replies, time_limit: float = TIME_LIMIT
) -> Consumer:
    handlers: Handlers = {
        ReserveStock: before_expiry(answering(deadline.limited(service.reserve, time_limit), tasks)),
        ReleaseStock: answering(deadline.limited(service.release, time_limit), tasks),
        OrderConfirmed: deadline.limited(service.sell, time_limit),
    }
    return Consumer(handlers, dead_letters, replies)


def from_env(env: Mapping[str, str]) -> Consuming:
    logs.configure("stock-consumer", env)
    metrics.configure("stock-consumer", env)
    wiring = Wiring(env)
    consumer = make_consumer(wiring.service, wiring.tasks, wiring.dead_letters, wiring.replies)
    return Consuming(wiring.queue, consumer, wiring.check)


def main(env: Mapping[str, str]) -> None:
    consume(*from_env(env), Stop().on_signals())


if __name__ == "__main__":
    main(os.environ)
