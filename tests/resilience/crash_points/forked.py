"""Processes forked from one that has imported everything: as real as any, and there at once."""

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.resilience.crash_points.instrumented"])
PATIENCE = 30.0  # seconds for a process to die that should


class Fork:
    """`run`, given `env`, in a session and a process of its own; `url` is set where it is a web service."""

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

    def ended(self) -> int | None:
        """Its exit code; None if it lives on."""
        assert self._process is not None
        self._process.join(PATIENCE)
        return self._process.exitcode

    def sweep_up(self) -> None:
        """With all that it started; there is nothing left of one that ended of itself."""
        if self._process is None or self._process.pid is None or self._process.exitcode is not None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:  # it was not yet the first of a session
            self._process.kill()
        self._process.join()
        self._process.close()


def _become(run: Callable[[], None], env: Mapping[str, str], log: Path) -> None:
    os.setsid()
    gc.disable()  # it dies before it would need it, and a third of its start went there
    os.environ.clear()
    os.environ.update(env)
    with log.open("ab") as out:
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    run()
