"""Sockets of the web server's clients: how long one may hold a thread, and how its connection ends."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

LINGER = 2.0  # seconds, as gunicorn does: to reset at once could take the last bytes away from who reads them slowly


class HeldThreads:
    """Which of gunicorn's connections hold a thread, and since when."""

    def __init__(self) -> None:
        self._since: dict[Any, float] = {}

    @contextmanager
    def held_by(self, conn: Any) -> Iterator[None]:
        self._since[conn] = time.monotonic()
        try:
            yield
        finally:
            self._since.pop(conn, None)

    def cut_off(self, longest: float, log: Any) -> None:
        """Shuts down each connection that has held a thread for over `longest` seconds, which wakes the thread."""
        for conn, since in self._since.copy().items():
            if time.monotonic() - since > longest and self._since.pop(conn, 0.0):
                log.warning("Cut off %s, which held a thread for %.0f s", conn.client, longest)
                _shut(conn.sock, socket.SHUT_RDWR)


def see_off(sock: socket.socket) -> None:
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
