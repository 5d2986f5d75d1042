"""Publishes the pending events of the product service: `python -m services.product.relay`."""

import os
from collections.abc import Mapping

from chassis.core import logs, metrics
from chassis.messaging.process import Stop
from services.product.wiring import Wiring


def main(env: Mapping[str, str]) -> None:
    logs.configure("product-relay", env)
    metrics.configure("product-relay", env)
    Wiring(env).relay.run(Stop().on_signals())


if __name__ == "__main__":
    main(os.environ)
