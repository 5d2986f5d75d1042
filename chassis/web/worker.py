"""A threaded gunicorn worker that slow clients cannot block and that stops listening at once on shutdown."""

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

import structlog
from gunicorn.workers.gthread import ThreadWorker

from chassis.web.sockets import LINGER, lingering_close, shutdown

EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
ACCEPT_PAUSE, WARNING_INTERVAL, MIN_IDLE = 1.0, 10.0, 1.0  # seconds, when there is no room for new connections

log = structlog.stdlib.get_logger(__name__)


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """Overrides private methods of gunicorn's worker, so pyproject.toml pins the major version. The differences:

    - A new connection gets a thread after its first byte. In gunicorn, a thread waits 5 s for each new connection.
    - Without free file descriptors, it closes the longest idle connection. Gunicorn's worker crashes.
    - A connection that holds a thread for `max_thread_time` is closed. Gunicorn waits forever for a request's end.
    - The lingering close runs in the connection's thread. In gunicorn, it blocks the main thread for up to 2 s.
    - On shutdown, it refuses new connections at once. Gunicorn keeps listening and resets them at the end.
    """

    # Seconds that a connection may hold a thread. /docs needs 30 s on a slow line, a request at most 3 s.
    max_thread_time, max_thread_time_at_stop = 30.0, 6.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._thread_since: dict[Any, float] = {}  # by connection: when it got a thread
        self._exhausted, self._paused_until, self._next_warning = False, 0.0, 0.0

    def get_thread_pool(self) -> ThreadPoolExecutor:
        pool, all_started = ThreadPoolExecutor(self.cfg.threads), threading.Event()
        try:
            for _ in range(self.cfg.threads):
                pool.submit(all_started.wait)  # a thread that could not start later would crash the worker
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
                self.accept(self.sockets[-1])  # this client has connected already
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
        """Runs in the connection's thread. Returns False when the connection has ended."""
        self._thread_since[conn] = time.monotonic()
        try:
            if (answer := super().handle(conn)) is False:
                lingering_close(conn.sock)
            return answer
        finally:
            self._thread_since.pop(conn, None)

    def handle_error(self, _req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        from chassis.web import gunicorn_errors  # noqa: PLC0415 if the master imports it, `make dev` cannot reload it

        with suppress(OSError):
            client.sendall(gunicorn_errors.raw_response(exc, addr[0]))

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Gunicorn's main thread calls it in a loop, at least once a second."""
        from chassis.core import metrics  # noqa: PLC0415 as above

        self._exhausted = False
        metrics.report_if_due()
        super().wait_for_and_dispatch_events(timeout)
        if self._exhausted or self.nr_conns >= self.worker_connections:
            self._make_room()
        limit = self.max_thread_time if self.alive else self.max_thread_time_at_stop
        for conn, since in self._thread_since.copy().items():
            if time.monotonic() - since > limit and self._thread_since.pop(conn, 0.0):
                log.warning("connection closed: it held a thread too long", client=conn.client, seconds=limit)
                shutdown(conn.sock, socket.SHUT_RDWR)  # wakes the thread

    def _make_room(self) -> None:
        now = time.monotonic()
        if now > self._next_warning:
            log.warning("no room for new connections: closing idle ones", open_connections=self.nr_conns)
            self._next_warning = now + WARNING_INTERVAL
        idle = min((*self.pending_conns, *self.keepalived_conns), key=lambda conn: float(conn.timeout), default=None)
        if idle is not None and idle.timeout - now < self.cfg.keepalive - MIN_IDLE:
            idle.timeout = 0.0
            self.murder_pending()
            self.murder_keepalived()
        else:
            self._paused_until = now + ACCEPT_PAUSE
            self.set_accept_enabled(False)
