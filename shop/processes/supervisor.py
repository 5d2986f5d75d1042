"""Supervisor as a process: started with its configuration, and ended by whoever started it."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from shop.settings import ROOT


class Supervisor:
    """Ends its programs in order as soon as the process that made this object is gone, see `supervisord.py`."""

    def __init__(self, config: Path, log: Path, env: Mapping[str, str]) -> None:
        # It forks while its watching thread waits, which newer Pythons warn of; the thread holds no lock.
        command = [sys.executable, "-W", "ignore", "-m", "shop.processes.supervisord", "-c", str(config)]
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 our own module
                command,
                cwd=ROOT,
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def wait(self, seconds: float) -> None:
        """Raises `subprocess.TimeoutExpired`."""
        self._process.wait(seconds)

    def kill(self) -> None:
        """Without a word to its programs, which stay."""
        if self.lives:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
