"""What botocore leaves open in a call to AWS: an end to every wait, and whether the clocks agree."""

import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import structlog
from botocore.exceptions import HTTPClientError

from chassis.aws.answers import check
from chassis.core import deadline

WAITING = 64  # calls at once for which somebody waits; each that hangs keeps its place until the system gives it up
SKEW = 60.0  # seconds; AWS itself refuses a signature after 300
LOOK_AGAIN = 300.0

log = structlog.stdlib.get_logger(__name__)


class DeadlineExceeded(HTTPClientError):
    """The request's time is up: this call was not sent, or is not waited for any longer."""

    def __init__(self) -> None:
        super().__init__(error="the request's deadline has passed")


class Transport:
    """Sends the requests of one client by botocore's `session`, in botocore's event `before-send`.

    `unanswered` in a request's context says that this try or one before it may have taken effect, although no answer
    told so.
    """

    def __init__(self, session: Any, clock: Callable[[], float] = time.time) -> None:
        self._session = session
        self._clock = clock
        self._look_at = 0.0

    def send(self, request: Any, **_: Any) -> Any:
        """The answer, once it is surely AWS's and whole. Raises DeadlineExceeded, NotFromAWS or botocore's own."""
        if deadline.remaining() <= 0:
            raise DeadlineExceeded
        before = request.context.get("unanswered", False)
        request.context["unanswered"] = True
        answer = self._session.send(request)
        check(answer)
        request.context["unanswered"] = before or answer.status_code >= 500
        self._compare_clocks(answer.headers.get("Date", ""))
        return answer

    def _compare_clocks(self, date: str) -> None:
        if time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_AGAIN
        with suppress(ValueError):
            ahead = self._clock() - parsedate_to_datetime(date).timestamp()
            if abs(ahead) > SKEW:
                log.warning("the clock of this machine differs from that of AWS", seconds_ahead=round(ahead))


def bounded(call: Callable[..., Any], attempt: float) -> Callable[..., Any]:
    """`call`, given up when the request's deadline and the `attempt` seconds of a try begun just before it are over.

    Only a second thread can give up everything: looking up a name and fetching credentials know no time-out of ours,
    and an answer that comes byte by byte renews its own. The call itself goes on, and may still take effect.
    """

    def call_within_the_deadline(*arguments: Any) -> Any:
        left = deadline.remaining()
        if left == math.inf:
            return _typed(call, *arguments)
        future = _callers(os.getpid()).submit(copy_context().run, _typed, call, *arguments)
        try:
            return future.result(left + attempt)
        except TimeoutError:
            future.cancel()
            raise DeadlineExceeded from None

    return call_within_the_deadline


def _typed(call: Callable[..., Any], *arguments: Any) -> Any:
    """Credentials that are incomplete or expired, and answers of a wrong shape, raise built-in errors in botocore."""
    try:
        return call(*arguments)
    except (RuntimeError, LookupError, AttributeError) as error:
        raise HTTPClientError(error=error) from error


@cache
def _callers(_process: int) -> ThreadPoolExecutor:
    """One pool a process: a fork has none of its parent's threads."""
    return ThreadPoolExecutor(WAITING, thread_name_prefix="aws")
