import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import urllib3

from chassis.webworker import LINGER, Worker
from tests.machine import free_port, wait_for
from tests.processes import eventually, inherited

ROOT = Path(__file__).parent.parent.parent
APP = "services.product.app:from_env()"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def server(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    with serving(port) as process:
        yield process


@contextmanager
def serving(port: int, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "gunicorn", "-c", "python:chassis.gunicorn", *options, APP]
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


class Door(Worker):
    """Notes whom it lets in."""

    def __init__(self, listener: socket.socket) -> None:
        self.alive = self._accepting = False
        self.sockets = [listener]
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
