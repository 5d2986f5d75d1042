"""Executes the commands of the saga: `python -m services.ordering.command_consumer` consumes the command queue."""

import os
from collections.abc import Mapping

from chassis.core import deadline, logs, metrics
from chassis.messaging.commands import Tasks, answering
from chassis.messaging.consumer import Consumer, DeadLetters, Handlers
from chassis.messaging.process import Stop
from chassis.messaging.queue import Consuming, consume
from chassis.messaging.replies import Replies
from services.ordering.commands_in import ConfirmOrder, FinishOrder, RejectOrder, SweepOrders
from services.ordering.service import OrderService
from services.ordering.sweep import Sweep
from services.ordering.wiring import Wiring

SECONDS = 10.0  # that one command may take, with retries after lost races


def make_consumer(
    service: OrderService, sweep: Sweep, tasks: Tasks, dead_letters: DeadLetters, replies: Replies
) -> Consumer:
    handlers: Handlers = {
        ConfirmOrder: answering(deadline.limited(service.confirm, SECONDS), tasks),
        RejectOrder: answering(deadline.limited(service.reject, SECONDS), tasks),
        FinishOrder: answering(deadline.limited(service.finish, SECONDS), tasks),
        SweepOrders: sweep.run,
    }
    return Consumer(handlers, dead_letters, replies)


def from_env(env: Mapping[str, str]) -> Consuming:
    logs.configure("ordering-commands", env)
    metrics.configure("ordering-commands", env)
    wiring = Wiring(env)
    consumer = make_consumer(
        wiring.service, wiring.sweep, wiring.tasks, wiring.command_dead_letters, wiring.command_replies
    )
    return Consuming(wiring.command_queue, consumer, wiring.check_commands)


def main(env: Mapping[str, str]) -> None:
    consume(*from_env(env), Stop().on_signals())


if __name__ == "__main__":
    main(os.environ)
