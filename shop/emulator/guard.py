"""Keeps web pages away from the emulator.

A browser also sends to 127.0.0.1 what any web page asks for. MiniStack serves such requests and even invites them
(CORS), so a page could read and change everything. Programs are different. Every AWS SDK signs its requests with the
header `Authorization`, which a page can only send after a preflight request. And a program names 127.0.0.1 or localhost
as the host, while a page names its own, even if that name suddenly resolves to 127.0.0.1 (DNS rebinding).
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

HEALTH = "/_localstack/health"  # read by programs that do not sign
# Any port will do, since a forwarded port has another number. A browser resolves the name only.
LOOPBACK = re.compile(rb"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?", re.IGNORECASE)
SIGNED = b"AWS4-HMAC-SHA256 "
BY_HAND = b"none"  # Sec-Fetch-Site of an address that a person typed
# These change nothing that must be saved. A message that was only received becomes visible again.
READS = re.compile(rb".*\.(?:Get|BatchGet|TransactGet|Describe|List|Query|Scan|Receive)\w*")
Headers = Iterable[tuple[bytes, bytes]]


class Guard:
    """An ASGI application that passes a request on to another one unless `refusal` objects."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._served: set[asyncio.Task[Any]] = set()
        self._closing = False
        self.started = False  # the application has read its data
        self.changed = False  # something may have been written since the last save

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._noting_the_start(send))
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif self._closing:
            await _answer(send, 503, "The emulator is stopping.")
        elif why := refusal(scope["path"], scope["headers"]):
            await _answer(send, 403, why)
        else:
            await self._serve(scope, receive, send)

    async def close(self, grace: float) -> None:
        """Refuses new requests and cuts off those that are not over after `grace` seconds, such as long polls."""
        self._closing = True
        if self._served:
            _, late = await asyncio.wait(self._served, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 a coroutine that runs is in one
        self._served.add(task)
        try:
            await self._app(scope, receive, send)
        finally:
            self._served.discard(task)
            self.changed |= not reads_only(scope["headers"])

    def _noting_the_start(self, send: Send) -> Send:
        async def noting(message: Message) -> None:
            self.started |= message["type"] == "lifespan.startup.complete"
            await send(message)

        return noting


def refusal(path: str, headers: Headers) -> str | None:
    """Why a request is not served; None if it is."""
    of = {name.lower(): value for name, value in headers}
    if not LOOPBACK.fullmatch(of.get(b"host", b"")):
        return "The emulator is only for 127.0.0.1 and localhost, and this request names another host."
    if b"origin" in of or of.get(b"sec-fetch-site", BY_HAND) != BY_HAND:
        return "The emulator does not serve web pages: this request came from one."
    if path != HEALTH and not of.get(b"authorization", b"").startswith(SIGNED):
        return "The request is not signed. Every AWS SDK and the AWS CLI sign theirs, with any credentials."
    return None


def reads_only(headers: Headers) -> bool:
    """Decides by the action in the header; an action in the body counts as a write."""
    return any(name.lower() == b"x-amz-target" and READS.fullmatch(value) for name, value in headers)


async def _answer(send: Send, status: int, message: str) -> None:
    """The answer has no CORS header, so a web page cannot read it."""
    kind = "AccessDeniedException" if status == 403 else "ServiceUnavailable"
    body = json.dumps({"__type": kind, "message": message})
    length = str(len(body)).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", length), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})
