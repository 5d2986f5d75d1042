"""Loses answers on request: a call takes effect, and its connection ends before the answer."""

import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable

from shop.emulator.guard import READS, App, Message, Receive, Send

SECONDS = 15.0
# Its body never comes, and the server closes the connection. With 200, botocore would take the call for a success.
CUT_OFF = {"type": "http.response.start", "status": 500, "headers": [(b"content-length", b"1")]}

log = logging.getLogger("shop.emulator")


class LostAnswers:
    """An ASGI application before another one. After `begin` it loses every second answer to a write, for SECONDS.

    It counts by operation, so that the retry of a lost call is usually answered. Calls of CloudFormation and CloudWatch
    name no operation in a header, and are always answered.
    """

    def __init__(self, app: App, clock: Callable[[], float] = time.monotonic) -> None:
        self._app, self._clock, self._until = app, clock, -math.inf
        self._calls: Counter[bytes] = Counter()

    def begin(self) -> None:
        log.warning("every second answer to a write is lost for %.0f s, as the machine room asked", SECONDS)
        self._until = self._clock() + SECONDS
        self._calls.clear()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if self._clock() >= self._until or not self._is_next(_operation(scope.get("headers", ()))):
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _nowhere)
        await send(dict(CUT_OFF))

    def _is_next(self, operation: bytes) -> bool:
        if not operation or READS.fullmatch(operation):
            return False
        self._calls[operation] += 1
        return self._calls[operation] % 2 == 1


def _operation(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    return next((value for name, value in headers if name.lower() == b"x-amz-target"), b"")


async def _nowhere(_message: Message) -> None:
    pass
