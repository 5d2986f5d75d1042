"""Keeps HTTP/1.1 connections to AWS open between calls. It raises the same errors as botocore's HTTP session."""

import os
import socket
import ssl
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from http.client import HTTPException
from io import BufferedReader
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import wait_for_read

from chassis.aws.fast import http1
from chassis.aws.fast.http1 import Response
from chassis.aws.transport import bounded
from chassis.core import deadline

KEPT = 32  # the most idle connections to one place


class Place(NamedTuple):
    """Where a URL leads. `header` is the value of the header Host: without the port if it is the default one."""

    scheme: str
    host: str
    port: int
    header: str
    target: str


@lru_cache(64)
def place_of(url: str) -> Place:
    """Botocore has checked that `url` has a scheme and a host."""
    parts = urlsplit(url)
    host = str(parts.hostname)
    name = f"[{host}]" if ":" in host else host
    own_port = 443 if parts.scheme == "https" else 80
    port = parts.port or own_port
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, host, port, name if port == own_port else f"{name}:{port}", target)


@cache
def tls(authorities: str) -> ssl.SSLContext:
    """The one context of all connections. It trusts the certificate authorities in that file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authorities)
    return context


class Connections:
    """Time-outs are in seconds. One thread at a time uses a connection, and only in the process that opened it.

    `send` ends `connect + read` after the request's deadline, the time that a last attempt may take.
    """

    def __init__(self, connect: float, read: float, authorities: str) -> None:
        self._connect, self._read, self._authorities = connect, read, authorities
        self._idle: defaultdict[tuple[int, Place], list[socket.socket]] = defaultdict(list)
        self._open_in_time = bounded(self._open, connect + read)

    def send(self, request: Any) -> Response:
        """Sends a POST and reads the whole response. Raises the errors of botocore's session, or DeadlineExceeded."""
        place = place_of(request.url)
        idle = self._idle[os.getpid(), place]
        connection = _alive(idle) or self._open_in_time(place, request)
        end = time.monotonic() + deadline.remaining() + self._connect + self._read
        reusable = False
        try:
            with _errors_of_botocore(request):
                connection.settimeout(http1.shorter(self._read, end))
                connection.sendall(_bytes_of(request, place.target))
                response = http1.read(BufferedReader(http1.Received(connection, self._read, end)))
            reusable = not response.last
            return response
        finally:
            if reusable and len(idle) < KEPT:
                idle.append(connection)
            else:
                connection.close()

    def _open(self, place: Place, request: Any) -> socket.socket:
        try:
            connection = socket.create_connection((place.host, place.port), self._connect)
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=request.url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=request.url, error=error) from error
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if place.scheme == "http":
            return connection
        with _errors_of_botocore(request):
            return tls(self._authorities).wrap_socket(connection, server_hostname=place.host)


def _alive(idle: list[socket.socket]) -> socket.socket | None:
    """The connection used last that is still open. If an idle one is readable, the other end has closed it."""
    with suppress(IndexError):
        while wait_for_read(connection := idle.pop(), timeout=0.0):
            connection.close()
        return connection
    return None


def _bytes_of(request: Any, target: str) -> bytes:
    lines = [f"{name}: {value}\r\n" for name, value in request.headers.items()]
    headers = "".join(lines)
    if not headers.count("\n") == headers.count("\r") == len(lines):
        raise ValueError("A header has a line break.")  # it could add another header
    head = f"POST {target} HTTP/1.1\r\n{headers}Content-Length: {len(request.body)}\r\n\r\n"
    return bytes(head.encode() + request.body)


@contextmanager
def _errors_of_botocore(request: Any) -> Iterator[None]:
    where: dict[str, Any] = {"endpoint_url": request.url}
    try:
        yield
    except ssl.SSLError as error:
        raise SSLError(**where, error=error) from error
    except TimeoutError as error:
        raise ReadTimeoutError(**where, error=error) from error
    except (OSError, HTTPException) as error:
        raise ConnectionClosedError(**where, error=error, request=request) from error
    except Exception as error:
        raise HTTPClientError(error=error) from error
