"""Sweeps of the outbox. A scheduled rule calls the function, and waits for no answer."""

from threading import Timer
from typing import Any

from chassis.core import metrics
from chassis.functions.handlers import RELAY_RESERVE, Context, Handler, seconds_left
from chassis.messaging.process import Stop
from chassis.messaging.relay import Relay


def handler(relay: Relay) -> Handler:
    """One sweep, which ends after the current batch of events when the time of the invocation is over.

    Returns how many events it published. Raises Unavailable if the outbox cannot be read.
    """

    def handle(_event: Any, context: Context) -> dict[str, int]:
        stop = Stop()
        timer = Timer(seconds_left(context, RELAY_RESERVE), stop.ask)
        timer.start()
        try:
            return {"published": relay.sweep(stop)}
        finally:
            timer.cancel()
            metrics.report()

    return handle
