"""Continues orders whose saga stopped. A scheduled rule sends a tick every minute."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Protocol

import structlog

from chassis import tracing
from chassis.core import deadline, instants, logs, metrics
from chassis.core.errors import Unavailable
from services.ordering.commands_in import SweepOrders
from services.ordering.fulfilment import Fulfilment
from services.ordering.lifecycle import next_attempt, open_since
from services.ordering.metrics import OPEN_FIVE_MINUTES, OPEN_HOUR
from services.ordering.models import OrderRow
from services.ordering.order_ids import SHARDS, first_of

OLDEST_TICK = timedelta(minutes=2)  # after an outage, one tick is enough
PATIENCE = timedelta(minutes=2)  # an attempt that is younger may not be started yet
LONGEST_EXECUTION = timedelta(minutes=15)  # more than all time-outs of the state machine together
SLOW, LATE = timedelta(minutes=5), timedelta(hours=1)
SECONDS = 10.0  # of a sweep, much less than the visibility timeout of its tick
RESERVE = 3.0  # seconds that one order may take

log = structlog.stdlib.get_logger(__name__)


class OpenOrders(Protocol):
    """The storage that the sweep needs. `store.OrderStore` implements it on DynamoDB."""

    def get(self, user_name: str, order_id: str) -> OrderRow | None: ...
    def save(self, after: OrderRow, before: OrderRow, event: None) -> bool: ...
    def open_orders(self, shard: str) -> Iterator[tuple[str, str]]: ...


class Sweep:
    def __init__(
        self,
        orders: OpenOrders,
        fulfilment: Fulfilment,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: float = SECONDS,
    ) -> None:
        self._orders = orders
        self._fulfilment = fulfilment
        self._clock = clock
        self._seconds = seconds
        self._threads = ThreadPoolExecutor(len(SHARDS), thread_name_prefix="sweep")

    def run(self, tick: SweepOrders) -> None:
        """Starts the next execution of each open order whose current one has ended, hangs, or was never started.

        Raises Unavailable if storage or Step Functions does not answer.
        """
        now = self._clock()
        if now - tick.time > OLDEST_TICK:
            log.info("ignored an outdated tick", time=tick.time.isoformat())
            return
        ages: list[timedelta] = []
        list(self._threads.map(partial(self._sweep, now, ages), SHARDS))
        metrics.record(OPEN_FIVE_MINUTES, sum(age >= SLOW for age in ages))
        metrics.record(OPEN_HOUR, sum(age >= LATE for age in ages))

    def _sweep(self, now: datetime, ages: list[timedelta], shard: str) -> None:
        """Appends to `ages` for how long each order of the shard has been open."""
        deadline.start(self._seconds)
        young = first_of(instants.write(now - PATIENCE))
        for user_name, order_id in self._orders.open_orders(shard):
            structlog.contextvars.clear_contextvars()  # of the previous order
            if deadline.remaining() < RESERVE:
                log.warning("sweep ran out of time: the next tick continues", shard=shard)
                return
            if order_id >= young:
                continue
            try:
                if order := self._open_order(user_name, order_id):
                    logs.correlate(order.correlationId)
                    logs.bind(order_id=order.orderId)
                    ages.append(_open_for(order, now))
                    self._continue(order, now)
            except Unavailable:
                raise
            except Exception:
                log.exception("order not continued", order_id=order_id)

    def _open_order(self, user_name: str, order_id: str) -> OrderRow | None:
        """The index may lag behind, so the order itself is read."""
        order = self._orders.get(user_name, order_id)
        return order if order and order.is_open and order.attemptedAt else None

    def _continue(self, order: OrderRow, now: datetime) -> None:
        age = now - datetime.fromisoformat(str(order.attemptedAt))
        if age < PATIENCE or (age < LONGEST_EXECUTION and self._fulfilment.is_running(order)):
            return
        renewed = next_attempt(order, instants.write(now))
        if self._orders.save(renewed, order, None):
            with tracing.Span("sweep", "next attempt", tracing.Context.read(order.traceparent)):
                self._fulfilment.start(renewed)


def _open_for(order: OrderRow, now: datetime) -> timedelta:
    """For how long it has been open. Logs an error after an hour."""
    since = open_since(order) or instants.write(now)
    age = now - datetime.fromisoformat(since)
    if age >= LATE:
        log.error("order is open for more than an hour", order_id=order.orderId, status=order.status, since=since)
    return age
