"""Publishes the pending events of the basket service: `python -m services.basket.relay`."""

import os
from collections.abc import Mapping

from chassis.core import logs, metrics
from chassis.messaging.process import Stop
from services.basket.wiring import Wiring


def main(env: Mapping[str, str]) -> None:
    logs.configure("basket-relay", env)
    metrics.configure("basket-relay", env)
    Wiring(env).relay.run(Stop().on_signals())


if __name__ == "__main__":
    main(os.environ)
