import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3

from chassis.web.sockets import LINGER
from chassis.web.worker import Worker
from tests.machine import free_port, wait_for
from tests.processes import eventually, inherited

ROOT = Path(__file__).parent.parent.parent.parent
APP = "services.product.app:from_env()"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def server(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    with serving(port) as process:
        yield process


@contextmanager
def serving(port: int, *options: str, descriptors: int = 0) -> Iterator["subprocess.Popen[bytes]"]:
    """`descriptors` is the most that each of its processes may have open; 0 is as many as this one may."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    limited = ["sh", "-c", f'ulimit -S -n {descriptors or soft}; exec "$@"', "sh"]
    command = [*limited, sys.executable, "-m", "gunicorn", "-c", "python:chassis.web.gunicorn", *options, APP]
    with subprocess.Popen(
        command, cwd=ROOT, env=inherited() | {"PORT": str(port), "AWS_REGION": "us-east-1"}
    ) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/health/live")
            yield process
        finally:
            process.kill()


def refuses(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.e2e
def test_a_server_that_ends_refuses_newcomers_at_once_and_still_answers_on_the_connections_it_has(
    server: "subprocess.Popen[bytes]", port: int
) -> None:
    with urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=1, retries=False) as kept:
        assert kept.request("GET", "/health/live").status == 200
        server.terminate()
        eventually(lambda: refuses(port))  # while it has a connection: gunicorn's own closes both at the same moment
        answer = kept.request("GET", "/health/live")
        assert (answer.status, kept.num_connections) == (200, 1)
    assert server.wait(timeout=30) == 0


class Impatient(Worker):
    longest = 3.0


@pytest.fixture
def impatient(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    with serving(port, "--worker-class", f"{__name__}.Impatient") as process:
        yield process


def connect(port: int, words: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(words)
    return client


def seconds_of_a_newcomer(port: int) -> float:
    """On a connection of its own, behind all that came before."""
    asked = time.monotonic()
    with urllib3.PoolManager(timeout=60, retries=False) as pool:
        assert pool.request("GET", f"http://127.0.0.1:{port}/health/live").status == 200
    return time.monotonic() - asked


HALF_HEADERS = b"GET / HTTP/1.1\r\nHost: x\r\n"
HALF_A_BODY = b"POST /product HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
ONCE = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.mark.e2e
def test_clients_that_send_half_a_request_do_not_keep_others_waiting_for_ever(
    impatient: "subprocess.Popen[bytes]", port: int
) -> None:
    begun = time.monotonic()
    with ExitStack() as clients:
        for half in [HALF_HEADERS, HALF_A_BODY] * 8:  # one for each thread
            clients.enter_context(connect(port, half))
        seconds_of_a_newcomer(port)
        assert time.monotonic() - begun > Impatient.longest / 2, "there was a thread left"
    impatient.terminate()
    assert impatient.wait(timeout=30) == 0


@pytest.mark.e2e
def test_clients_that_do_not_close_what_is_over_keep_nobody_waiting(
    server: "subprocess.Popen[bytes]", port: int
) -> None:
    with ExitStack() as clients:
        for _ in range(10):
            clients.enter_context(connect(port, ONCE))
        assert seconds_of_a_newcomer(port) < 10 * LINGER / 2


# ── Clients that connect and send nothing ──


@pytest.mark.e2e
def test_connections_that_send_nothing_occupy_no_thread(server: "subprocess.Popen[bytes]", port: int) -> None:
    with ExitStack() as clients:
        for _ in range(200):
            clients.enter_context(connect(port, b""))
        # Gunicorn's own threads wait for 5 s on each: a minute for 200 of them, with 16 threads.
        assert seconds_of_a_newcomer(port) < 30


@pytest.mark.e2e
def test_connections_that_send_nothing_do_not_delay_a_stop(port: int) -> None:
    with serving(port, "--graceful-timeout", "120") as server, ExitStack() as clients:
        for _ in range(20):
            clients.enter_context(connect(port, b""))
        assert seconds_of_a_newcomer(port) < 30
        server.terminate()
        assert server.wait(timeout=60) == 0


@pytest.mark.e2e
@pytest.mark.parametrize("first", [b"", ONCE.replace(b"close", b"keep-alive")], ids=["silent", "kept alive"])
def test_where_all_connections_are_in_use_the_longest_idle_one_makes_room(port: int, first: bytes) -> None:
    with serving(port, "--worker-connections", "40"), ExitStack() as clients:
        connected = [clients.enter_context(connect(port, first)) for _ in range(60)]
        assert seconds_of_a_newcomer(port) < 30, "it waited until a connection ended by itself"
        connected[0].settimeout(30)
        while connected[0].recv(65536):
            """What was answered before the connection was closed."""


# ── Out of file descriptors, out of threads ──


def worker_of(server: "subprocess.Popen[bytes]") -> list[str]:
    """The process ids of gunicorn's workers: another one means that the first had ended."""
    return Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()


@pytest.mark.e2e
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads Linux's list of a process's children")
@pytest.mark.parametrize("words", [b"", HALF_HEADERS], ids=["idle", "at work"])
def test_a_worker_without_file_descriptors_lives_on_and_serves_again(port: int, words: bytes) -> None:
    options = "--worker-connections", "1000", "--worker-class", f"{__name__}.Impatient"
    with serving(port, *options, descriptors=48) as server, ExitStack() as clients:
        before = worker_of(server)
        for _ in range(60):  # at work: 3 s for each 16 of them
            clients.enter_context(connect(port, words))
        assert seconds_of_a_newcomer(port) < 60
        assert worker_of(server) == before


def test_all_threads_are_started_before_the_first_request() -> None:
    """One that could not be started later would end the worker, and every request in it."""
    before = threading.active_count()
    worker = Worker.__new__(Worker)
    worker.cfg = SimpleNamespace(threads=5)
    with worker.get_thread_pool():
        assert threading.active_count() == before + 5


class Door(Worker):
    """Notes whom it lets in."""

    def __init__(self, listener: socket.socket) -> None:
        self.alive = self._accepting = self._exhausted = False
        self.sockets = [listener]
        self.pending_conns: list[Any] = []
        self.guests: list[socket.socket] = []

    def accept(self, listener: socket.socket) -> None:
        self.guests.append(listener.accept()[0])


def test_who_has_connected_already_is_let_in_before_the_door_closes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        door, port = Door(listener), int(listener.getsockname()[1])
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        door.set_accept_enabled(False)
        assert len(door.guests) == 3
        assert refuses(port)
        for each in [*clients, *door.guests]:
            each.close()
