"""Gunicorn's threaded worker, but one that stops listening when asked to end, and that no client keeps from others."""

import select
import socket
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

# Seconds that a connection may hold a thread. Half a minute is what the 1.7 MB of /docs need on a slow line; where the
# process ends, six are enough for a request that is being answered, for its deadline is three.
LONGEST, LONGEST_AT_END = 30.0, 6.0
LINGER = 2.0  # seconds, as gunicorn does: to reset at once could take the last bytes away from who reads them slowly


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """Three promises more than gunicorn's own.

    That one keeps its socket until the last connection is closed: whoever connects in those seconds is neither served
    nor refused, and is reset in the end. Here they are refused, and can ask another process.

    It waits for ever for the rest of a request: as many clients as there are threads, each with half a request, and
    nobody else is served. Here such a connection is cut off after `longest`.

    And its main thread waits up to two seconds for each client that does not close a connection that is over. Here the
    connection's own thread does.
    """

    longest = LONGEST

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
        """Runs in the connection's thread; False where the connection is over."""
        self._since[conn] = time.monotonic()
        try:
            answer = super().handle(conn)
            if answer is False:
                _see_off(conn.sock)
            return answer
        finally:
            self._since.pop(conn, None)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Runs in the main thread, again and again, with a second's pause at most."""
        super().wait_for_and_dispatch_events(timeout)
        longest = self.longest if self.alive else LONGEST_AT_END
        for conn, since in self._since.copy().items():
            if time.monotonic() - since > longest and self._since.pop(conn, 0.0):
                self.log.warning("Cut off %s, which held a thread for %.0f s", conn.client, longest)
                _shut(conn.sock, socket.SHUT_RDWR)  # wakes the thread


def _see_off(sock: socket.socket) -> None:
    """Waits until the client has closed; what gunicorn's main thread then does is over at once."""
    _shut(sock, socket.SHUT_WR)
    end = time.monotonic() + LINGER
    with suppress(OSError):
        while (left := end - time.monotonic()) > 0:
            sock.settimeout(left)
            if not sock.recv(65536):
                break
    _shut(sock, socket.SHUT_RDWR)


def _shut(sock: socket.socket, how: int) -> None:
    with suppress(OSError):
        sock.shutdown(how)
