"""Supervisor as a process: started with its configuration, and ended by the process that started it."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from shop.settings import ROOT


class Supervisor:
    """Ends its programs in order as soon as the process that made this object is gone, see `supervisord.py`."""

    def __init__(self, config: Path, log: Path, env: Mapping[str, str]) -> None:
        # Supervisor forks while a thread waits, of which newer Pythons warn; the thread holds no lock.
        command = [sys.executable, "-W", "ignore", "-m", "shop.processes.supervisord", "-c", str(config)]
        with log.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 our own module
                command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=out, stderr=out, start_new_session=True
            )
        self.pid = self._process.pid
        self.wait = self._process.wait

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """Kills supervisor alone: its programs keep running."""
        self._process.kill()  # does nothing where it has ended
        self._process.wait()

    def close(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
