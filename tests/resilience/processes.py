"""The shop's processes as the test starts and kills them: only the test brings them back, so no death is hidden."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.machine import ROOT, free_port, wait_for

GRACE = 30.0  # seconds, as in docker-compose.yml


class Member:
    """A process with its whole group; `url` is set where it is a web service."""

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str], url: str = "") -> None:
        self.name = name
        self.url = url
        self.kills = 0
        self._command = [sys.executable, *command]
        self._env = {"PATH": os.environ["PATH"], "LOG_LEVEL": "WARNING", "LOG_FORMAT": "json"} | dict(env)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def died(self) -> bool:
        """Of itself: whoever kills it starts it again."""
        return self._process is not None and self._process.poll() is not None

    def start(self, logs: Path) -> None:
        with (logs / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._env, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        """As the kernel does when a container runs out of memory: gunicorn's worker goes with its master."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.kills += 1

    def ask_to_end(self) -> None:
        assert self._process is not None
        self._process.terminate()

    def ended(self) -> int:
        assert self._process is not None
        return self._process.wait(GRACE)

    def sweep_up(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()


def web(service: str, env: Mapping[str, str], name: str = "") -> Member:
    port = str(free_port())
    command = ["-m", "gunicorn", "-c", "python:chassis.web.gunicorn", f"services.{service}.app:from_env()"]
    return Member(name or service, command, dict(env) | {"PORT": port}, f"http://127.0.0.1:{port}")


def worker(module: str, name: str, env: Mapping[str, str]) -> Member:
    return Member(name, ["-m", module], env)


class Fleet:
    def __init__(self, members: Sequence[Member], logs: Path) -> None:
        self.members = members
        self.logs = logs

    @contextmanager
    def running(self) -> Iterator["Fleet"]:
        try:
            for member in self.members:
                member.start(self.logs)
            for member in self.members:
                if member.url:
                    wait_for(f"{member.url}/health/live")
            yield self
        finally:
            for member in self.members:
                member.sweep_up()

    @contextmanager
    def killed_at_random(self, every: float, seed: int) -> Iterator[None]:
        """Meanwhile one process after the other is killed with -9 and started again at once."""
        dice = random.Random(seed)  # noqa: S311 a test's dice
        over = threading.Event()

        def reap() -> None:
            while not over.wait(every):
                member = dice.choice(self.members)
                member.kill()
                member.start(self.logs)

        reaper = threading.Thread(target=reap, name="reaper")
        reaper.start()
        try:
            yield
        finally:
            over.set()
            reaper.join()

    @property
    def dead(self) -> list[str]:
        """Those that ended although nobody killed them."""
        return [member.name for member in self.members if member.died]

    def stop(self) -> dict[str, int]:
        """The exit code of each, all asked at once to end."""
        for member in self.members:
            member.ask_to_end()
        return {member.name: member.ended() for member in self.members}
