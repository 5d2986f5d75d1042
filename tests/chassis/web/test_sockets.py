import socket
import threading
import time

from chassis.web.sockets import LINGER, lingering_close, shutdown


def test_lingering_close_sends_everything_and_waits_until_the_client_closes() -> None:
    server, client = socket.socketpair()
    with server, client:
        server.sendall(b"the last bytes")
        closing = threading.Thread(target=lingering_close, args=(server,))
        closing.start()
        client.sendall(b"more of the request")
        assert client.recv(100) == b"the last bytes"
        assert client.recv(100) == b""
        assert closing.is_alive()
        client.close()
        closing.join(timeout=60)
        assert not closing.is_alive()


def test_lingering_close_ends_even_if_the_client_never_closes() -> None:
    server, client = socket.socketpair()
    with server, client:
        started = time.monotonic()
        lingering_close(server)
        assert time.monotonic() - started >= LINGER


def test_shutdown_ignores_a_closed_socket() -> None:
    server, client = socket.socketpair()
    client.close()
    server.close()
    shutdown(server, socket.SHUT_RDWR)
