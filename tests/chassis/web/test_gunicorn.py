import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.processes import inherited

ROOT = Path(__file__).parent.parent.parent.parent
NAMES = (
    "bind", "workers", "threads", "worker_class", "control_socket_disable", "worker_tmp_dir", "graceful_timeout",
    "worker_connections",
)  # fmt: skip
PRINT = (
    f"import json; from chassis.web import gunicorn; print(json.dumps({{n: getattr(gunicorn, n) for n in {NAMES}}}))"
)


def settings(*, descriptors: str = "", **env: str) -> dict[str, Any]:
    """The settings in an environment. `descriptors` limits the open files of the process."""
    limited = ["sh", "-c", f'ulimit -S -n {descriptors}; exec "$@"', "sh"] if descriptors else []
    command = [*limited, sys.executable, "-c", PRINT]
    done = subprocess.run(command, cwd=ROOT, env=inherited() | env, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def test_default_address_is_loopback() -> None:
    assert settings()["bind"] == "127.0.0.1:8000"
    assert settings(HOST="0.0.0.0", PORT="9000")["bind"] == "0.0.0.0:9000"  # noqa: S104 what containers do


def test_gunicorn_writes_no_file_to_disk() -> None:
    made = settings()
    assert made["control_socket_disable"] is True
    assert made["worker_tmp_dir"] == ("/dev/shm" if Path("/dev/shm").is_dir() else None)  # noqa: S108 what is tested


def test_graceful_timeout_lets_running_requests_finish() -> None:
    assert settings()["graceful_timeout"] == 10


def test_threads_and_workers_come_from_the_environment() -> None:
    made = settings(WEB_WORKERS="3", WEB_THREADS="5")
    assert (made["worker_class"], made["workers"], made["threads"]) == ("chassis.web.worker.Worker", 3, 5)


@pytest.mark.parametrize(("descriptors", "connections"), [("256", 128), ("4096", 1000)])
def test_clients_get_at_most_half_of_the_file_descriptors(descriptors: str, connections: int) -> None:
    assert settings(descriptors=descriptors)["worker_connections"] == connections


def test_gunicorn_master_imports_no_module_that_make_dev_reloads() -> None:
    """A new worker is a fork of the master, so it would get the modules as they were before the edit.

    The master writes logs itself, so the modules of the logs, and of the traces that they name, are the exception.
    """
    code = "import sys; from chassis.web import gunicorn, worker; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=inherited(), capture_output=True, check=True)
    loaded = {
        name for name in done.stdout.decode().split() if name.partition(".")[0] in {"chassis", "flask", "pydantic"}
    }
    assert loaded == {
        *("chassis", "chassis.core", "chassis.core.logs", "chassis.core.text"),
        *(f"chassis.tracing{module}" for module in ("", ".context", ".files", ".setup", ".spans")),
        *("chassis.web", "chassis.web.gunicorn", "chassis.web.sockets", "chassis.web.worker"),
    }


def test_gunicorn_collects_nothing_for_an_access_log() -> None:
    """The parts of a request that it would read are missing here."""
    code = (
        "from gunicorn.config import Config; from chassis.web import gunicorn; config = Config(); "
        "config.set('logconfig_dict', gunicorn.logconfig_dict); config.set('logger_class', gunicorn.logger_class); "
        "config.logger_class(config).access(None, None, None, None)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=inherited(), capture_output=True, check=True)
    assert done.stderr == b""
