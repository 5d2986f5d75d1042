"""What a connection of the web server may send before a route sees it, and how it ends."""

import socket
import time
from contextlib import suppress

MAX_LINE, MAX_FIELDS, MAX_FIELD = 4094, 100, 8190  # gunicorn's limits, in bytes and in fields
LINGER = 2.0  # seconds, as gunicorn does: to reset at once could take the last bytes away from who reads them slowly


def see_off(sock: socket.socket) -> None:
    """Waits until the client has closed; what gunicorn's main thread then does is over at once."""
    shut(sock, socket.SHUT_WR)
    end = time.monotonic() + LINGER
    with suppress(OSError):
        while (left := end - time.monotonic()) > 0:
            sock.settimeout(left)
            if not sock.recv(65536):
                break
    shut(sock, socket.SHUT_RDWR)


def shut(sock: socket.socket, how: int) -> None:
    with suppress(OSError):
        sock.shutdown(how)
