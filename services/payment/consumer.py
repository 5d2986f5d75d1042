"""Authorizes and voids payments: `python -m services.payment.consumer` consumes the payment queue."""

import os
from collections.abc import Mapping

from chassis.core import logs, metrics
from chassis.messaging.commands import Tasks, answering, before_expiry
from chassis.messaging.consumer import Consumer, DeadLetters, Handlers
from chassis.messaging.process import Stop
from chassis.messaging.queue import Consuming, consume
from chassis.messaging.replies import Replies
from services.payment.commands_in import AuthorizePayment, VoidPayment
from services.payment.service import PaymentService
from services.payment.wiring import Wiring


def make_consumer(service: PaymentService, tasks: Tasks, dead_letters: DeadLetters, replies: Replies) -> Consumer:
    """An authorization whose task has timed out has no effect. A void always has."""
    handlers: Handlers = {
        AuthorizePayment: before_expiry(answering(service.authorize, tasks)),
        VoidPayment: answering(service.void, tasks),
    }
    return Consumer(handlers, dead_letters, replies)


def from_env(env: Mapping[str, str]) -> Consuming:
    logs.configure("payment-consumer", env)
    metrics.configure("payment-consumer", env)
    wiring = Wiring(env)
    consumer = make_consumer(wiring.service, wiring.tasks, wiring.dead_letters, wiring.replies)
    return Consuming(wiring.queue, consumer, wiring.check)


def main(env: Mapping[str, str]) -> None:
    consume(*from_env(env), Stop().on_signals())


if __name__ == "__main__":
    main(os.environ)
