"""Calls a payment provider again that did not answer, under the same idempotency key."""

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import TypeVar

import structlog

from chassis.core import deadline
from chassis.core.errors import Unavailable
from services.payment.provider import Answer, PaymentProvider

ATTEMPTS = 2  # further ones are those of the queue, with longer pauses
PAUSE = 0.4  # seconds

T = TypeVar("T")
log = structlog.stdlib.get_logger(__name__)


class RetryingProvider:
    """Raises Unavailable if the last attempt does, too."""

    def __init__(self, provider: PaymentProvider, wait: Callable[[float], None] = time.sleep) -> None:
        self._provider = provider
        self._wait = wait

    def authorize(self, idempotency_key: str, amount: Decimal, token: str) -> Sequence[Answer]:
        return self._repeat(partial(self._provider.authorize, idempotency_key, amount, token), idempotency_key)

    def void(self, idempotency_key: str) -> None:
        self._repeat(partial(self._provider.void, idempotency_key), idempotency_key)

    def check(self) -> None:
        """One attempt: the caller repeats it anyway."""
        self._provider.check()

    def _repeat(self, call: Callable[[], T], key: str) -> T:
        for attempt in range(1, ATTEMPTS):
            try:
                return call()
            except Unavailable as error:
                log.info("provider is called again", order_id=key, attempt=attempt, detail=error.detail)
                self._wait(deadline.backoff(attempt, PAUSE, PAUSE))
        return call()
