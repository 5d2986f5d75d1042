"""Reads HTTP/1.1 responses. http.client reads the headers with the e-mail parser, which takes a sixth of a call."""

import socket
import time
from http.client import BadStatusLine, HTTPException, IncompleteRead, RemoteDisconnected
from io import RawIOBase
from typing import Any, BinaryIO, NamedTuple

LINE, HEADERS = 65536, 100  # the most bytes in a line and the most headers, as in http.client
WITHOUT_BODY = {204, 304}
# What ends the headers. It may be the end of the stream, as in http.client: chassis.aws.answers rejects a missing body.
END = {b"\r\n", b"\n", b""}


class Response(NamedTuple):
    """Has what botocore reads of its AWSResponse. The names of the headers are in lower case.

    `last` means that the connection cannot be used again.
    """

    status_code: int
    headers: dict[str, str]
    content: bytes
    last: bool


class Received(RawIOBase):
    """What arrives on `connection`. Each wait has the time-out `read` and ends at `end`, whatever has arrived before.

    Raises TimeoutError.
    """

    def __init__(self, connection: socket.socket, read: float, end: float) -> None:
        self._connection, self._read, self._end = connection, read, end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(shorter(self._read, self._end))
        return self._connection.recv_into(buffer)


def shorter(seconds: float, end: float) -> float:
    """Seconds to wait, at most until `end`. Raises TimeoutError after it."""
    left = min(seconds, end - time.monotonic())
    if left <= 0:
        raise TimeoutError
    return left


def read(stream: BinaryIO) -> Response:
    """Raises HTTPException if it is not HTTP/1. The body may be shorter than its Content-Length."""
    status = 100
    while 100 <= status < 200:  # an interim response, and another one follows
        version, status = _status(stream)
        headers = _headers(stream)
    last = version != "HTTP/1.1" or headers.get("connection", "").lower() == "close"
    length = headers.get("content-length", "")
    if status in WITHOUT_BODY:
        return Response(status, headers, b"", last)
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return Response(status, headers, _chunks(stream), last)
    if not length.isdecimal():
        return Response(status, headers, stream.read(), last=True)
    body = stream.read(int(length))
    return Response(status, headers, body, last or len(body) < int(length))


def _status(stream: BinaryIO) -> tuple[str, int]:
    line = stream.readline(LINE)
    if not line:
        raise RemoteDisconnected("The connection was closed without a response.")
    version, _, rest = line.decode("latin-1").partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not code.isdecimal():
        raise BadStatusLine(line.decode("latin-1"))
    return version, int(code)


def _headers(stream: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := stream.readline(LINE)) not in END:
        name, colon, value = line.decode("latin-1").partition(":")
        name, value = name.lower(), value.strip()
        if not colon or not line.endswith(b"\n") or len(headers) == HEADERS:
            raise HTTPException("The response has malformed headers.")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _chunks(stream: BinaryIO) -> bytes:
    parts: list[bytes] = []
    while size := _size(stream.readline(LINE)):
        parts.append(stream.read(size))
        if len(parts[-1]) < size or stream.readline(LINE) not in {b"\r\n", b"\n"}:
            raise IncompleteRead(b"".join(parts))
    while stream.readline(LINE) not in END:
        pass  # trailers
    return b"".join(parts)


def _size(line: bytes) -> int:
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError as error:
        raise HTTPException("The response has a malformed chunk.") from error
