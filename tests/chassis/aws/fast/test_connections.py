import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import wait_for_read

from chassis.aws.fast import connections
from chassis.aws.fast.connections import Connections, place_of
from chassis.aws.transport import DeadlineExceeded
from chassis.core import deadline
from tests import scripted
from tests.environment import free_port
from tests.scripted import answer

KEPT_OPEN = answer(Connection="")
CERTIFICATE = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=a test")


def request(url: str, headers: dict[str, str] | None = None, body: bytes = b"{}") -> Any:
    return SimpleNamespace(url=url, headers=headers or {}, body=body)


def plain(connect: float = 10, read: float = 10) -> Connections:
    return Connections(connect, read, "")


def test_a_place_is_where_to_connect_and_what_to_call_it() -> None:
    assert place_of("http://127.0.0.1:4566/") == ("http", "127.0.0.1", 4566, "127.0.0.1:4566", "/")
    assert place_of("https://SQS.test") == ("https", "sqs.test", 443, "sqs.test", "/")
    assert place_of("http://[::1]:80/a?b=c") == ("http", "::1", 80, "[::1]", "/a?b=c")


def test_a_connection_is_kept_for_the_next_call() -> None:
    with scripted.playing(KEPT_OPEN) as script:
        client = plain()
        for _ in range(3):
            assert client.send(request(script.url)).status_code == 200
        assert (len(script.calls), script.connections) == (3, 1)


def test_each_url_has_its_own_connections() -> None:
    with scripted.playing(KEPT_OPEN) as one, scripted.playing(KEPT_OPEN) as other:
        client = plain()
        for script in (one, other, one, other):
            client.send(request(script.url))
        assert (one.connections, other.connections) == (1, 1)


def test_calls_at_the_same_time_have_their_own_connections() -> None:
    with scripted.playing(KEPT_OPEN, drip=0.0005) as script:
        client = plain()
        threads = [threading.Thread(target=client.send, args=(request(script.url),)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert script.connections == 5


def test_idle_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "KEPT", 0)
    with scripted.playing(KEPT_OPEN) as script:
        client = plain()
        client.send(request(script.url))
        client.send(request(script.url))
        assert script.connections == 2


def test_a_connection_that_the_server_announces_to_close_is_not_used_again() -> None:
    with scripted.playing(answer()) as script:
        client = plain()
        client.send(request(script.url))
        (idle,) = client._idle.values()
        assert idle == []


def test_a_connection_that_was_closed_meanwhile_is_replaced() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        def serve() -> None:
            for _ in range(2):
                connection, _address = listener.accept()
                connection.recv(65536)
                connection.sendall(KEPT_OPEN)
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        client = plain()
        client.send(request(url))
        (idle,) = client._idle.values()
        assert wait_for_read(idle[0], timeout=10)  # the other end has closed it
        assert client.send(request(url)).status_code == 200
        thread.join()


def test_a_forked_process_uses_no_connection_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted.playing(KEPT_OPEN) as script:
        client = plain()
        client.send(request(script.url))
        parent = os.getpid()
        monkeypatch.setattr(os, "getpid", lambda: parent + 1)
        client.send(request(script.url))
        assert script.connections == 2


def test_nothing_is_open_before_the_first_call() -> None:
    with scripted.playing(KEPT_OPEN) as script:
        plain()
        assert script.connections == 0


def test_small_packets_are_not_held_back() -> None:
    with scripted.playing(KEPT_OPEN) as script:
        client = plain()
        client.send(request(script.url))
        ((connection,),) = client._idle.values()
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_the_time_outs_to_connect_and_to_read_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def hang(_address: object, seconds: float) -> None:
        asked.append(seconds)
        raise TimeoutError

    with scripted.playing(b"") as script, pytest.raises(ReadTimeoutError):
        plain(read=0.05).send(request(script.url))
    monkeypatch.setattr(socket, "create_connection", hang)
    with pytest.raises(ConnectTimeoutError):
        plain(connect=7).send(request("http://127.0.0.1:1"))
    assert asked == [7]


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid"])
def test_nobody_there_is_an_endpoint_that_cannot_be_reached(host: str) -> None:
    with pytest.raises(EndpointConnectionError):
        plain().send(request(f"http://{host}:{free_port()}"))


@pytest.mark.parametrize("told", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\nConnection: close"])
def test_what_is_not_http_is_a_closed_connection(told: bytes) -> None:
    with scripted.playing(told) as script, pytest.raises(ConnectionClosedError):
        plain().send(request(script.url))


@pytest.mark.parametrize("value", ["a\nb", "a\r\nX-Evil: 1", "a\r"])
def test_a_header_cannot_smuggle_in_another(value: str) -> None:
    with scripted.playing(answer()) as script:
        with pytest.raises(HTTPClientError, match="line break"):
            plain().send(request(script.url, {"X-Amz-Security-Token": value}))
        assert script.calls == []


# ── The request's deadline ──


@pytest.fixture
def due() -> Iterator[Callable[[float], None]]:
    """Sets a deadline in so many seconds, until the end of the test."""
    before = deadline.remaining()
    yield deadline.start
    deadline.start(before)


def test_a_response_that_comes_byte_by_byte_ends_at_the_deadline(due: Callable[[float], None]) -> None:
    with scripted.playing(KEPT_OPEN, drip=0.3) as script:
        client = plain(connect=0.1, read=0.4)
        due(0.5)
        began = time.monotonic()
        with pytest.raises(ReadTimeoutError):
            client.send(request(script.url))
        assert 0.9 <= time.monotonic() - began < 15  # the whole response takes a minute


def test_a_name_server_that_hangs_is_abandoned_at_the_deadline(
    due: Callable[[float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(30) and [])
    due(0.1)
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        plain(connect=0.1, read=0.1).send(request("http://slow.test"))
    assert time.monotonic() - began < 15
    over.set()


# ── TLS ──


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two certificates that sign themselves: one for 127.0.0.1, one for another host."""
    folder, made = tmp_path_factory.mktemp("tls"), {}
    for name, host in (("right", "IP:127.0.0.1"), ("wrong", "DNS:elsewhere.test")):
        made[name] = folder / f"{name}.pem"
        rest = ("-addext", f"subjectAltName={host}", "-keyout", str(made[name]) + ".key", "-out", str(made[name]))
        subprocess.run([*CERTIFICATE, *rest], check=True, capture_output=True)
    return made


@contextmanager
def playing_by_tls(certificate: Path) -> Iterator[scripted.Script]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, f"{certificate}.key")
    with scripted.playing(KEPT_OPEN, tls=context) as script:
        yield script


def test_a_server_with_a_trusted_certificate_is_asked(certificates: dict[str, Path]) -> None:
    with playing_by_tls(certificates["right"]) as script:
        client = Connections(10, 10, str(certificates["right"]))
        assert [client.send(request(script.url)).status_code for _ in range(2)] == [200, 200]
        assert (len(script.calls), script.connections) == (2, 1)
        for (connection,) in client._idle.values():
            connection.close()


@pytest.mark.parametrize(("served", "trusted"), [("right", "wrong"), ("wrong", "wrong")])
def test_another_server_is_told_nothing(certificates: dict[str, Path], served: str, trusted: str) -> None:
    with playing_by_tls(certificates[served]) as script:
        with pytest.raises(SSLError):
            Connections(10, 10, str(certificates[trusted])).send(request(script.url))
        assert script.calls == []


def test_a_server_without_tls_is_told_nothing(certificates: dict[str, Path]) -> None:
    with scripted.playing(answer()) as script:
        with pytest.raises(SSLError):
            Connections(10, 10, str(certificates["right"])).send(request(script.url.replace("http:", "https:")))
        assert script.calls == []


def test_there_is_one_tls_context(certificates: dict[str, Path]) -> None:
    authorities = str(certificates["right"])
    assert connections.tls(authorities) is connections.tls(authorities)
