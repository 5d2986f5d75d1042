"""What is asked of a supervisor that is on its way down."""

import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from xmlrpc.client import Fault, dumps

import pytest
from supervisor.xmlrpc import Faults

from shop.processes.supervisor_client import ShuttingDown, SupervisorClient


class Deaf(socketserver.StreamRequestHandler):
    """Answers every call as supervisor does after a request to shut down."""

    def handle(self) -> None:
        length = 0
        while line := self.rfile.readline().strip():
            name, _, value = line.decode().partition(":")
            length = int(value) if name.lower() == "content-length" else length
        self.rfile.read(length)
        body = dumps(Fault(Faults.SHUTDOWN_STATE, "SHUTDOWN_STATE")).encode()
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))


@pytest.fixture
def stopping(tmp_path: Path) -> Iterator[SupervisorClient]:
    socket = tmp_path / "s"
    with socketserver.ThreadingUnixStreamServer(str(socket), Deaf) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield SupervisorClient(socket)
        server.shutdown()
        thread.join()


def test_a_supervisor_that_is_stopping_answers_but_refuses_calls(stopping: SupervisorClient) -> None:
    assert stopping.answers()
    with pytest.raises(ShuttingDown, match=r"^The shop is just stopping: ask again in a moment"):
        stopping.processes()
    with pytest.raises(ShuttingDown):
        stopping.start("basket")
    with pytest.raises(ShuttingDown):
        stopping.stop(["basket"], within=1)


def test_a_second_shutdown_is_no_error(stopping: SupervisorClient) -> None:
    stopping.shutdown()


def test_without_a_supervisor_nothing_answers(tmp_path: Path) -> None:
    assert not SupervisorClient(tmp_path / "s").answers()
