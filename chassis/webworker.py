"""Gunicorn's threaded worker, but one that stops listening when asked to end, and lets no client hold a thread."""

import select
import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

# Seconds. Gunicorn waits five for the first byte and an answer takes five at most: whoever is not done by then does not
# send the rest of the request, or does not read.
LONGEST = 15.0


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """Two promises more than gunicorn's own.

    That one keeps its socket until the last connection is closed: whoever connects in those seconds is neither served
    nor refused, and is reset in the end. Here they are refused, and can ask another process.

    And it waits for ever for the rest of a request: as many clients as there are threads, each with half a request, and
    nobody else is served. Here such a connection is cut off after `LONGEST`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._since: dict[Any, float] = {}  # connections that hold a thread

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 gunicorn's signature
        super().set_accept_enabled(enabled)
        while not enabled and not self.alive and self.sockets:
            if select.select(self.sockets[-1:], [], [], 0)[0]:
                self.accept(self.sockets[-1])  # who has connected already is let in
            else:
                self.sockets.pop().close()

    def handle(self, conn: Any) -> Any:
        """Runs in a thread of its own."""
        self._since[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            del self._since[conn]

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Runs in the main thread, about once a second."""
        super().wait_for_and_dispatch_events(timeout)
        now = time.monotonic()
        for conn, since in list(self._since.items()):
            if now - since > LONGEST:
                with suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread, which then closes it
