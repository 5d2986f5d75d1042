"""The basket's relay, `python -m services.basket.relay`: sends the events that a checkout left behind."""

import os
from collections.abc import Mapping

from chassis.aws import clients
from chassis.core import logs
from chassis.messaging.process import Stop
from chassis.messaging.relay import Relay
from services.basket.app import make_bus, make_outbox


def main(env: Mapping[str, str]) -> None:
    logs.configure("basket-relay", env)
    Relay(make_outbox(env), make_bus(env, clients.RELAY)).run(Stop().on_signals())


if __name__ == "__main__":
    main(os.environ)
