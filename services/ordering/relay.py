"""Publishes the pending events of the ordering service: `python -m services.ordering.relay`."""

import os
from collections.abc import Mapping

from chassis.core import logs, metrics
from chassis.messaging.process import Stop
from services.ordering.wiring import Wiring


def main(env: Mapping[str, str]) -> None:
    logs.configure("ordering-relay", env)
    metrics.configure("ordering-relay", env)
    Wiring(env).relay.run(Stop().on_signals())


if __name__ == "__main__":
    main(os.environ)
