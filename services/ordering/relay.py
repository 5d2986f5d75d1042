"""Publishes the pending events of the ordering service: `python -m services.ordering.relay`."""

import os
from collections.abc import Mapping

from chassis.core import logs, metrics
from chassis.messaging.process import Stop
from chassis.messaging.relay import Relay
from services.ordering.wiring import Wiring


def from_env(env: Mapping[str, str]) -> Relay:
    logs.configure("ordering-relay", env)
    metrics.configure("ordering-relay", env)
    return Wiring(env).relay


def main(env: Mapping[str, str]) -> None:
    from_env(env).run(Stop().on_signals())


if __name__ == "__main__":
    main(os.environ)
