"""What is compared: how each arm starts its processes, and what a running one costs."""

import os
import shutil
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, STDOUT
from types import TracebackType
from typing import Self

import psutil

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0  # seconds in which a process must be ready
CORES = [str(core) for core in sorted(os.sched_getaffinity(0))] if hasattr(os, "sched_getaffinity") else []
AWS = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_REGION": "us-east-1",  # not every SDK reads the same one
    "AWS_DEFAULT_REGION": "us-east-1",
    "SHOP_AUTH": "off",
    "PATH": os.environ["PATH"],
}


def pinned(command: list[str], core: int) -> list[str]:
    """Processes under test run on core 0, their backend and the load on core 1, if there are two."""
    return ["taskset", "-c", CORES[core], *command] if len(CORES) > 1 and shutil.which("taskset") else command


@dataclass(frozen=True)
class Arm:
    """`commands` has the command of each process by the name of the service or the worker."""

    name: str
    folder: Path
    commands: Mapping[str, list[str]]
    only: str = ""  # the one scenario that it knows, if it does not know all of its processes

    def knows(self, process: str, scenario: str) -> bool:
        return process in self.commands and self.only in {"", scenario}


def shopwire(name: str, folder: Path) -> Arm:
    """A checkout of Shopwire with its own `.venv`. Its processes start as `make run` starts them."""
    python = str(folder / ".venv" / "bin" / "python")
    settings = "chassis.web.gunicorn" if (folder / "chassis" / "web").is_dir() else "chassis.gunicorn"  # before 2026-11
    web = [python, "-m", "gunicorn", "-c", f"python:{settings}"]
    services = {service: [*web, f"services.{service}.app:from_env()"] for service in ("product", "basket", "ordering")}
    workers = {"consume": "services.ordering.consumer", "relay": "services.product.relay"}
    return Arm(name, folder, services | {kind: [python, "-m", module] for kind, module in workers.items()})


def peers() -> list[Arm]:
    flask = ["gunicorn", "--no-control-socket", "--worker-class", "gthread", "--threads", "16"]
    flask += ["--bind", "127.0.0.1:{port}", "bench.peers.flask_boto3:app"]
    fastapi = ["uvicorn", "--port", "{port}", "--no-access-log", "--log-level", "warning"]
    fastapi.append("bench.peers.fastapi_aiobotocore:app")
    workers = {kind: [sys.executable, "-m", "bench.peers.workers", kind] for kind in ("consume", "relay")}
    served = {name: [sys.executable, "-m", *flask] for name in ("product", "basket")}
    served_async = {name: [sys.executable, "-m", *fastapi] for name in ("product", "basket")}
    return [Arm("Flask + boto3", ROOT, served | workers), Arm("FastAPI + aiobotocore", ROOT, served_async)]


class Running:
    """A process and its children. It ends with the `with` block. Its output goes to `log`, or to a pipe."""

    def __init__(self, command: list[str], core: int, folder: Path, env: Mapping[str, str], log: Path | None) -> None:
        self._began = time.perf_counter()
        self.ready_after = 0.0
        with log.open("w") if log else nullcontext(PIPE) as output:
            self.process = psutil.Popen(pinned(command, core), cwd=folder, env=dict(env), stdout=output, stderr=STDOUT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.is_running():
            self.resume()
            self.process.terminate()
        self.process.wait(PATIENCE)

    def cpu(self) -> float:
        """Seconds since the start."""
        return sum(sum(each.cpu_times()[:2]) for each in self._all())

    def memory(self) -> float:
        """The resident memory in MB. What processes share counts for each."""
        return float(sum(each.memory_info().rss for each in self._all()) / 1e6)

    def pause(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def wait_until_ready(self, url: str) -> None:
        """Then `ready_after` has the seconds since the start. Raises TimeoutError."""
        while time.perf_counter() < self._began + PATIENCE and self.process.poll() is None:
            try:
                with urllib.request.urlopen(url, timeout=5):  # noqa: S310 our own URL
                    self.ready_after = time.perf_counter() - self._began
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.005)
        raise TimeoutError(f"{self.process.args} is not ready. See its log in var/bench.")

    def _all(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])
