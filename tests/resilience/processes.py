"""The shop's processes, started and killed by tests. Nothing else restarts them, so no crash stays hidden."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.environment import ROOT, free_port, wait_for

GRACE = 30.0  # seconds, as in docker-compose.yml


class Member:
    """A process and its process group. `url` is set if it is a web service."""

    def __init__(self, name: str, command: Sequence[str], env: Mapping[str, str], url: str = "") -> None:
        self.name = name
        self.url = url
        self.kills = 0
        self._command = [sys.executable, *command]
        self._env = {"PATH": os.environ["PATH"], "LOG_LEVEL": "WARNING", "LOG_FORMAT": "json"} | dict(env)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def crashed(self) -> bool:
        """Whether it ended although no test killed it: `killed_at_random` restarts what it kills."""
        return self._process is not None and self._process.poll() is not None

    def start(self, logs: Path) -> None:
        with (logs / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._env, cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        """With SIGKILL, as a container that runs out of memory: gunicorn's worker ends with its master."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.kills += 1

    def terminate(self) -> None:
        assert self._process is not None
        self._process.terminate()

    def exit_code(self) -> int:
        assert self._process is not None
        return self._process.wait(GRACE)

    def kill_if_running(self) -> None:
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
                member.kill_if_running()

    @contextmanager
    def killed_at_random(self, every: float, seed: int) -> Iterator[None]:
        """Meanwhile a random process is killed and restarted, `every` so many seconds."""
        choose = random.Random(seed)  # noqa: S311 not for secrets
        over = threading.Event()

        def kill() -> None:
            while not over.wait(every):
                member = choose.choice(self.members)
                member.kill()
                member.start(self.logs)

        killer = threading.Thread(target=kill, name="killer")
        killer.start()
        try:
            yield
        finally:
            over.set()
            killer.join()

    @property
    def crashed(self) -> list[str]:
        return [member.name for member in self.members if member.crashed]

    def stop(self) -> dict[str, int]:
        """Terminates all at the same time and returns their exit codes."""
        for member in self.members:
            member.terminate()
        return {member.name: member.exit_code() for member in self.members}
