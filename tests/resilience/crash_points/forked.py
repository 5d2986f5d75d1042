"""Processes forked from one that has imported everything, so that a case can start six of them within a second."""

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.resilience.crash_points.instrumented"])
PATIENCE = 30.0  # seconds to wait for a crash


class Fork:
    """Runs `run` with `env` in a process and a session of its own. `url` is set if it is a web service."""

    def __init__(self, name: str, run: Callable[[], None], env: Mapping[str, str], url: str = "") -> None:
        self.name = name
        self.url = url
        self._run = run
        self._env = {"PATH": os.environ["PATH"], "LOG_LEVEL": "WARNING", "LOG_FORMAT": "json"} | dict(env)
        self._process: ForkServerProcess | None = None

    def start(self, logs: Path) -> None:
        log = logs / f"{self.name}.log"
        self._process = FORKS.Process(target=_become, args=(self._run, self._env, log), name=self.name)
        self._process.start()

    def exit_code(self) -> int | None:
        """None if it still runs after `PATIENCE`."""
        assert self._process is not None
        self._process.join(PATIENCE)
        return self._process.exitcode

    def kill_if_running(self) -> None:
        """With all processes that it started."""
        if self._process is None or self._process.pid is None or self._process.exitcode is not None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:  # it has no session of its own yet
            self._process.kill()
        self._process.join()
        self._process.close()


def _become(run: Callable[[], None], env: Mapping[str, str], log: Path) -> None:
    os.setsid()
    gc.disable()  # collecting took a third of the start, and these processes are short-lived
    os.environ.clear()
    os.environ.update(env)
    with log.open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    run()
