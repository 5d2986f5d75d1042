"""Gunicorn's threaded worker, but one that stops listening as soon as it is asked to end."""

import select

from gunicorn.workers.gthread import ThreadWorker


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """Gunicorn's own keeps the socket until its last connection is closed: whoever connects in those seconds is
    neither served nor refused, and is reset in the end. Here they are refused, and can ask another process.
    """

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 gunicorn's signature
        super().set_accept_enabled(enabled)
        while not enabled and not self.alive and self.sockets:
            if select.select(self.sockets[-1:], [], [], 0)[0]:
                self.accept(self.sockets[-1])  # who has connected already is let in
            else:
                self.sockets.pop().close()
