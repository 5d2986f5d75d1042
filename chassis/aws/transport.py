"""Limits every wait in a call to AWS, checks the response, and compares the clocks. botocore does none of this."""

import math
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import structlog
from botocore.exceptions import HTTPClientError

from chassis.aws.answers import check
from chassis.core import deadline

MAX_CALLS = 64  # at once; a call that hangs keeps its thread until the operating system ends it
MAX_SKEW = 60.0  # seconds; AWS rejects a signature after 300
CHECK_INTERVAL = 300.0  # seconds

log = structlog.stdlib.get_logger(__name__)


class DeadlineExceeded(HTTPClientError):
    """The request's deadline has passed. The call was not sent, or its response is no longer awaited."""

    def __init__(self) -> None:
        super().__init__(error="the request's deadline has passed")


class Transport:
    """Sends the requests of one client through botocore's `session`, as a handler of botocore's event `before-send`.

    A request of chassis.aws.fast names its own session in its context.
    It sets `unanswered` in a request's context if an attempt may have taken effect without a confirming response.
    """

    def __init__(self, session: Any, clock: Callable[[], float] = time.time) -> None:
        self._session = session
        self._clock = clock
        self._next_check = 0.0

    def send(self, request: Any, **_: Any) -> Any:
        """A complete response from AWS. Raises DeadlineExceeded, NotFromAWS or botocore's errors."""
        if deadline.remaining() <= 0:
            raise DeadlineExceeded
        earlier = request.context.get("unanswered", False)
        request.context["unanswered"] = True
        answer = request.context.get("session", self._session).send(request)
        check(answer)
        request.context["unanswered"] = earlier or answer.status_code >= 500
        self._compare_clocks(answer.headers.get("date", ""))
        return answer

    def _compare_clocks(self, date: str) -> None:
        if time.monotonic() < self._next_check:
            return
        self._next_check = time.monotonic() + CHECK_INTERVAL
        with suppress(ValueError):
            ahead = self._clock() - parsedate_to_datetime(date).timestamp()
            if abs(ahead) > MAX_SKEW:
                log.warning("clock of this machine differs from AWS", seconds_ahead=round(ahead))


def bounded(call: Callable[..., Any], attempt: float) -> Callable[..., Any]:
    """`call`, abandoned `attempt` seconds after the request's deadline, the time that a last attempt may take.

    It runs in another thread, because no time-out of the standard library or botocore covers DNS lookups and fetching
    credentials. Each byte of a slow response renews botocore's. An abandoned call continues and may still take effect.
    """

    def call_within_the_deadline(*arguments: Any) -> Any:
        left = deadline.remaining()
        if left == math.inf:
            return call(*arguments)
        future = in_background(copy_context().run, call, *arguments)
        try:
            return future.result(left + attempt)
        except TimeoutError:
            future.cancel()
            raise DeadlineExceeded from None

    return call_within_the_deadline


def with_botocore_errors(call: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps the built-in errors that botocore raises for incomplete or expired credentials and malformed responses."""

    def call_with_botocore_errors(*arguments: Any) -> Any:
        try:
            return call(*arguments)
        except (RuntimeError, LookupError, AttributeError) as error:
            raise HTTPClientError(error=error) from error

    return call_with_botocore_errors


def in_background(call: Callable[..., Any], *arguments: Any) -> Future[Any]:
    return _thread_pool(os.getpid()).submit(call, *arguments)


@cache
def _thread_pool(_process: int) -> ThreadPoolExecutor:
    """One pool per process, because a forked process has no threads of its parent."""
    return ThreadPoolExecutor(MAX_CALLS, thread_name_prefix="aws")
