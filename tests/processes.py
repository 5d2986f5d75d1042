"""Runs workers as processes and web apps on ports, and waits for their effects."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import Context
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

import pytest
from werkzeug.serving import make_server

from chassis.core.errors import Unavailable

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

T = TypeVar("T")


def inherited() -> dict[str, str]:
    """The variables that a process needs to run."""
    return {"PATH": os.environ["PATH"]}


@contextmanager
def running(module: str, env: Mapping[str, str], log: Path | None = None) -> Iterator["subprocess.Popen[str]"]:
    """Runs `python -m module` in this environment only. Without `log`, a failing test shows the output."""
    command = [sys.executable, "-m", module]
    with (
        nullcontext() if log is None else log.open("w") as out,
        subprocess.Popen(command, env=inherited() | dict(env), stdout=out, stderr=out, text=True) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def serving(app: "WSGIApplication", host: str = "127.0.0.1") -> Iterator[str]:
    """Serves `app` on a free port and returns its URL."""
    server = make_server(host, 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def eventually(ask: Callable[[], T], seconds: float = 60) -> T:
    """The first answer that is true.

    Each question starts in an empty context, without the deadline of a request that was made here before; and "does not
    answer now" is no answer, for a busy machine is no failure.
    """
    deadline = time.monotonic() + seconds
    last: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if answer := Context().run(ask):
                return answer
        except Unavailable as error:
            last = error
        time.sleep(0.02)
    pytest.fail(f"nothing within {seconds} s; last error: {last!r}")
