"""Gunicorn's threaded worker, but one that stops listening when asked to end, and that no client keeps from others."""

import errno
import select
import selectors
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from chassis.web.sockets import LINGER, see_off, shut

# Seconds that a connection may hold a thread. Half a minute is what the 1.7 MB of /docs need on a slow line; where the
# process ends, six are enough for a request that is being answered, for its deadline is three.
LONGEST, LONGEST_AT_END = 30.0, 6.0
EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
PAUSE, QUIET = 1.0, 10.0  # seconds without new connections where there is no room, and between two lines about that


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """What it does better than gunicorn's own, from a connection's beginning to its end.

    - A new connection gets a thread once it has sent something. Gunicorn's threads wait for 5 s on each.
    - Out of file descriptors or connections, it closes the longest idle connection, or accepts none for a second.
      Gunicorn's worker dies, and every request in it. All threads are started at first, for the same reason.
    - A connection that has held a thread for `longest` is cut off. Gunicorn waits for ever for the rest of a request.
    - The connection's own thread waits until the client has closed. Gunicorn's main thread does, for up to 2 s each.
    - When it is to end, it refuses new connections at once. Gunicorn keeps its socket and resets them in the end.
    """

    longest = LONGEST

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._since: dict[Any, float] = {}  # connections that hold a thread
        self._exhausted, self._paused_until, self._quiet_until = False, 0.0, 0.0

    def get_thread_pool(self) -> ThreadPoolExecutor:
        pool, all_started = ThreadPoolExecutor(self.cfg.threads), threading.Event()
        try:
            for _ in range(self.cfg.threads):
                pool.submit(all_started.wait)
        finally:
            all_started.set()
        return pool

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 gunicorn's signature
        if enabled and time.monotonic() < self._paused_until:
            return
        super().set_accept_enabled(enabled)
        for conn in [] if self.alive else self.pending_conns:
            conn.timeout = min(conn.timeout, time.monotonic() + LINGER)
        while not enabled and not self.alive and self.sockets:
            if not self._exhausted and select.select(self.sockets[-1:], [], [], 0)[0]:
                self.accept(self.sockets[-1])  # who has connected already is let in
            else:
                self.sockets.pop().close()

    def accept(self, listener: socket.socket) -> None:
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in EXHAUSTED:
                raise
            self._exhausted = True

    def enqueue_req(self, conn: Any) -> None:
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
        else:
            conn.timeout = time.monotonic() + (self.cfg.keepalive if self.alive else LINGER)
            self.pending_conns.append(conn)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle(self, conn: Any) -> Any:
        """Runs in the connection's thread; False where the connection is over."""
        self._since[conn] = time.monotonic()
        try:
            if (answer := super().handle(conn)) is False:
                see_off(conn.sock)
            return answer
        finally:
            self._since.pop(conn, None)

    def handle_error(self, _req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answers with a problem document what gunicorn answers with HTML."""
        from chassis.web import rejections  # noqa: PLC0415 only in the worker, or `make dev` could not reload the chassis

        with suppress(OSError):
            client.sendall(rejections.raw(exc, addr[0]))

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Runs in the main thread, again and again, with a second's pause at most."""
        self._exhausted = False
        super().wait_for_and_dispatch_events(timeout)
        if self._exhausted or self.nr_conns >= self.worker_connections:
            self._make_room()
        longest = self.longest if self.alive else LONGEST_AT_END
        for conn, since in self._since.copy().items():
            if time.monotonic() - since > longest and self._since.pop(conn, 0.0):
                self.log.warning("Cut off %s, which held a thread for %.0f s", conn.client, longest)
                shut(conn.sock, socket.SHUT_RDWR)  # wakes the thread

    def _make_room(self) -> None:
        now = time.monotonic()
        if now > self._quiet_until:
            self.log.warning("No room for new connections, %d are open: closing the longest idle ones", self.nr_conns)
            self._quiet_until = now + QUIET
        if idle := max(self.pending_conns, self.keepalived_conns, key=len):
            idle[0].timeout = 0.0
            self.murder_pending()
            self.murder_keepalived()
        else:
            self._paused_until = now + PAUSE
            self.set_accept_enabled(False)
