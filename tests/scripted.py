"""An endpoint that answers each AWS call with bytes that a test defines."""

import json
import socketserver
import ssl
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from typing import Any, cast

TYPE = "application/x-amz-json-1.0"


def answer(body: bytes = b"{}", status: int = 200, length: int | None = None, **headers: str) -> bytes:
    """A response as DynamoDB sends it, with its checksum. Empty headers are left out.

    Without the header Connection, the connection stays open for the next call.
    """
    told = {
        "Content-Type": TYPE,
        "Content-Length": str(len(body) if length is None else length),
        "x-amz-crc32": str(zlib.crc32(body)),
        "Date": formatdate(usegmt=True),
        "Connection": "close",
    } | {name.replace("_", "-"): text for name, text in headers.items()}
    lines = [f"HTTP/1.1 {status} -", *(f"{name}: {text}" for name, text in told.items() if text), "", ""]
    return "\r\n".join(lines).encode() + body


def refusal(code: str, status: int = 400, **members: Any) -> bytes:
    return answer(json.dumps({"__type": code, "message": "no"} | members).encode(), status)


class Script:
    """The responses to the next calls; the last one repeats. `calls` records the operations."""

    def __init__(self, *answers: bytes, drip: float = 0) -> None:
        self.answers = [*answers]
        self.drip = drip  # seconds before each byte
        self.calls: list[str] = []
        self.connections = 0
        self.url = ""
        self.over = threading.Event()

    def next(self, operation: str) -> bytes:
        self.calls.append(operation)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Handler(socketserver.StreamRequestHandler):
    """Handles calls until a response closes the connection. Without a response, the client waits."""

    def handle(self) -> None:
        cast("Server", self.server).script.connections += 1
        with suppress(OSError):  # the client is gone
            while self._next_call():
                pass

    def _next_call(self) -> bool:
        headers: dict[str, str] = {}
        while (line := self.rfile.readline()) not in {b"\r\n", b""}:
            name, _, text = line.decode().partition(":")
            headers[name.lower()] = text.strip()
        if not headers:
            return False
        self.rfile.read(int(headers.get("content-length", "0")))
        script = cast("Server", self.server).script
        told = script.next(headers.get("x-amz-target", "").rpartition(".")[2])
        if not told:
            script.over.wait(30)
        elif not script.drip:
            self.wfile.write(told)
        else:
            self._drip(told, script)
        return bool(told) and b"Connection: close" not in told

    def _drip(self, told: bytes, script: Script) -> None:
        with suppress(OSError):  # the client has closed the connection
            for byte in told:
                if script.over.wait(script.drip):
                    return
                self.wfile.write(bytes([byte]))


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self._tls = tls
        script.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server_address[1]}"

    def get_request(self) -> tuple[Any, Any]:
        connection, client = super().get_request()
        return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection, client


@contextmanager
def playing(*answers: bytes, drip: float = 0, tls: ssl.SSLContext | None = None) -> Iterator[Script]:
    script = Script(*answers, drip=drip)
    with Server(script, tls) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield script
        finally:
            script.over.set()
            server.shutdown()
            thread.join()
