import resource
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3

from chassis.web.sockets import LINGER
from chassis.web.worker import Worker
from tests.environment import free_port, wait_for
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
    """A gunicorn on `port`. `descriptors` limits the open files of each process; 0 keeps the limit of this process."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    limited = ["sh", "-c", f'ulimit -S -n {descriptors or soft}; exec "$@"', "sh"]
    command = [*limited, sys.executable, "-m", "gunicorn", "-c", "python:chassis.web.gunicorn", *options, APP]
    with subprocess.Popen(
        command, cwd=ROOT, env=inherited() | {"PORT": str(port), "AWS_REGION": "us-east-1", "SHOP_AUTH": "off"}
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
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_workers_share_the_imports_of_a_master_without_connections_and_threads(port: int) -> None:
    with serving(port, "--workers", "2") as master:
        eventually(lambda: len(children(master.pid)) == 2)
        with ExitStack() as clients:
            eventually(lambda: ask(port, clients) and all(sockets(pid) > 1 for pid in children(master.pid)))
        assert "pydantic_core" in Path(f"/proc/{master.pid}/maps").read_text()  # a library of the app
        assert len([*Path(f"/proc/{master.pid}/task").iterdir()]) == 1
        assert sockets(master.pid) == 1


def ask(port: int, clients: ExitStack) -> bool:
    """Over a connection that stays open."""
    client = clients.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60))
    client.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    return client.recv(65536).startswith(b"HTTP/1.1 200")


def sockets(pid: int) -> int:
    return sum(fd.is_socket() for fd in Path(f"/proc/{pid}/fd").iterdir())


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.e2e
def test_shutdown_refuses_new_connections_and_still_serves_open_ones(
    server: "subprocess.Popen[bytes]", port: int
) -> None:
    with urllib3.HTTPConnectionPool("127.0.0.1", port, maxsize=1, retries=False) as kept:
        assert kept.request("GET", "/health/live").status == 200
        server.terminate()
        eventually(lambda: refuses(port))  # although a connection is open: gunicorn would keep listening
        answer = kept.request("GET", "/health/live")
        assert (answer.status, kept.num_connections) == (200, 1)
    assert server.wait(timeout=30) == 0


class Impatient(Worker):
    max_thread_time = 3.0


@pytest.fixture
def impatient(port: int) -> Iterator["subprocess.Popen[bytes]"]:
    with serving(port, "--worker-class", f"{__name__}.Impatient") as process:
        yield process


def connect(port: int, data: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(data)
    return client


def seconds_to_serve_a_new_client(port: int) -> float:
    """Opens a connection of its own, after all earlier ones."""
    asked = time.monotonic()
    with urllib3.PoolManager(timeout=60, retries=False) as pool:
        assert pool.request("GET", f"http://127.0.0.1:{port}/health/live").status == 200
    return time.monotonic() - asked


HALF_HEADERS = b"GET / HTTP/1.1\r\nHost: x\r\n"
HALF_A_BODY = b"POST /product HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
ONCE = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.mark.e2e
def test_half_sent_requests_do_not_block_other_clients(impatient: "subprocess.Popen[bytes]", port: int) -> None:
    begun = time.monotonic()
    with ExitStack() as clients:
        for half in [HALF_HEADERS, HALF_A_BODY] * 8:  # one per thread
            clients.enter_context(connect(port, half))
        seconds_to_serve_a_new_client(port)
        assert time.monotonic() - begun > Impatient.max_thread_time / 2, "a thread was free"
    impatient.terminate()
    assert impatient.wait(timeout=30) == 0


@pytest.mark.e2e
def test_clients_that_do_not_close_do_not_block_other_clients(server: "subprocess.Popen[bytes]", port: int) -> None:
    with ExitStack() as clients:
        for _ in range(10):
            clients.enter_context(connect(port, ONCE))
        assert seconds_to_serve_a_new_client(port) < 10 * LINGER / 2


# ── Clients that connect and send nothing ──


@pytest.mark.e2e
def test_silent_connections_occupy_no_thread(server: "subprocess.Popen[bytes]", port: int) -> None:
    with ExitStack() as clients:
        for _ in range(200):
            clients.enter_context(connect(port, b""))
        # In gunicorn's worker, a thread waits 5 s for each connection: a minute for 200 with 16 threads.
        assert seconds_to_serve_a_new_client(port) < 30


@pytest.mark.e2e
def test_silent_connections_do_not_delay_shutdown(port: int) -> None:
    with serving(port, "--graceful-timeout", "120") as server, ExitStack() as clients:
        for _ in range(20):
            clients.enter_context(connect(port, b""))
        assert seconds_to_serve_a_new_client(port) < 30
        server.terminate()
        assert server.wait(timeout=60) == 0


@pytest.mark.e2e
@pytest.mark.parametrize("first", [b"", ONCE.replace(b"close", b"keep-alive")], ids=["silent", "kept alive"])
def test_longest_idle_connection_is_closed_when_all_are_in_use(port: int, first: bytes) -> None:
    with serving(port, "--worker-connections", "40"), ExitStack() as clients:
        connected = [clients.enter_context(connect(port, first)) for _ in range(60)]
        assert seconds_to_serve_a_new_client(port) < 30, "the server waited until a connection ended by itself"
        connected[0].settimeout(30)
        while connected[0].recv(65536):
            """Reads until the connection is closed."""


# ── Out of file descriptors, out of threads ──


def worker_of(server: "subprocess.Popen[bytes]") -> list[str]:
    """The process IDs of gunicorn's workers. A changed ID means that the worker had died."""
    return Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()


@pytest.mark.e2e
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="reads Linux's list of a process's children")
@pytest.mark.parametrize("data", [b"", HALF_HEADERS], ids=["idle", "half a request"])
def test_worker_survives_running_out_of_file_descriptors(port: int, data: bytes) -> None:
    options = "--worker-connections", "1000", "--worker-class", f"{__name__}.Impatient"
    with serving(port, *options, descriptors=48) as server, ExitStack() as clients:
        before = worker_of(server)
        for _ in range(60):  # half a request holds a thread for 3 s, and there are 16 threads
            clients.enter_context(connect(port, data))
        assert seconds_to_serve_a_new_client(port) < 60
        assert worker_of(server) == before


def test_all_threads_start_before_the_first_request() -> None:
    """A thread that cannot be started later would crash the worker with all its requests."""
    before = threading.active_count()
    worker = Worker.__new__(Worker)
    worker.cfg = SimpleNamespace(threads=5)
    with worker.get_thread_pool():
        assert threading.active_count() == before + 5


class RecordingWorker(Worker):
    """Records the connections that it accepts."""

    def __init__(self, listener: socket.socket) -> None:
        self.alive = self._accepting = self._exhausted = False
        self.sockets = [listener]
        self.pending_conns: deque[Any] = deque()
        self.accepted: list[socket.socket] = []

    def accept(self, listener: socket.socket) -> None:
        self.accepted.append(listener.accept()[0])


def test_pending_connections_are_accepted_before_the_socket_closes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        worker, port = RecordingWorker(listener), int(listener.getsockname()[1])
        clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        worker.set_accept_enabled(False)
        assert len(worker.accepted) == 3
        assert refuses(port)
        for each in [*clients, *worker.accepted]:
            each.close()


class Connection(SimpleNamespace):
    def close(self) -> None:
        self.closed = True


class FullWorker(RecordingWorker):
    """Has connections that are idle for the given numbers of seconds."""

    def __init__(self, listener: socket.socket, pending: list[float], kept_alive: list[float]) -> None:
        super().__init__(listener)
        self.alive, self.cfg, self.nr_conns = True, SimpleNamespace(keepalive=75), len(pending) + len(kept_alive)
        self.poller = SimpleNamespace(unregister=lambda _: None)
        self._paused_until = self._next_warning = 0.0
        self.pending_conns, self.keepalived_conns = deque(map(idle_for, pending)), deque(map(idle_for, kept_alive))


def idle_for(seconds: float) -> Connection:
    return Connection(timeout=time.monotonic() + 75 - seconds, sock=None, closed=False)


@pytest.mark.parametrize(("pending", "kept_alive"), [([9.0, 2.0], [5.0, 4.0, 3.0]), ([1.5], [9.0, 0.1])])
def test_connection_that_was_idle_longest_makes_room(pending: list[float], kept_alive: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        worker = FullWorker(listener, pending, kept_alive)
        idle = worker.pending_conns[0] if 9.0 in pending else worker.keepalived_conns[0]
        worker._make_room()
        assert idle.closed
        assert worker.nr_conns == len(pending) + len(kept_alive) - 1


def test_connection_that_has_just_been_opened_is_not_closed_to_make_room() -> None:
    """While threads hold all others, it would be the longest idle one, and its request is lost."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        worker = FullWorker(listener, [0.1], [])
        worker._make_room()
        assert not worker.pending_conns[0].closed
        assert worker._paused_until > time.monotonic()
