"""Limits of a request before routing, and the lingering close of a connection (RFC 9112, section 9.6)."""

import socket
import time
from contextlib import suppress

MAX_LINE, MAX_FIELDS, MAX_FIELD = 4094, 100, 8190  # gunicorn's limits: bytes, number of header fields, bytes
LINGER = 2.0  # seconds, as in gunicorn. Closing at once resets the connection, and a slow client loses the last bytes.


def lingering_close(sock: socket.socket) -> None:
    """Waits up to LINGER until the client has closed, so that gunicorn's main thread need not wait."""
    shutdown(sock, socket.SHUT_WR)
    end = time.monotonic() + LINGER
    with suppress(OSError):
        while (left := end - time.monotonic()) > 0:
            sock.settimeout(left)
            if not sock.recv(65536):
                break
    shutdown(sock, socket.SHUT_RDWR)


def shutdown(sock: socket.socket, how: int) -> None:
    with suppress(OSError):
        sock.shutdown(how)
