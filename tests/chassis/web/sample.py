"""A small app of the chassis, and requests in bytes to a gunicorn that serves it."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from flask_openapi.openapi import OpenAPI

from chassis.core import deadline
from chassis.core.errors import Unavailable
from chassis.core.fields import Amount, Input, Model, PageQuery
from chassis.web import app as web
from chassis.web.parsing import Blueprint
from tests.environment import ROOT, free_port, wait_for
from tests.processes import inherited

CARD = "4111111111113322"
HOST = b"Host: x\r\n"
JSON = HOST + b"Content-Type: application/json\r\n"
CHUNKED = b"POST /sample HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: chunked\r\n\r\n"


class Sample(Input):
    name: str
    amount: Amount


class Named(Model):
    name: str


class Readiness:
    def __init__(self) -> None:
        self.down = False

    def check(self) -> None:
        if self.down:
            raise Unavailable("DynamoDB does not answer.")


def sample_routes() -> Blueprint:
    api = Blueprint("sample", __name__, url_prefix="/sample")

    @api.post("")
    def create(body: Sample) -> web.Answer:
        return body.model_dump(mode="json")

    @api.get("")
    def read(query: PageQuery) -> web.Answer:
        return {"limit": query.limit}

    @api.get("/time")
    def time_left() -> web.Answer:
        return {"seconds": deadline.remaining()}

    @api.delete("/<name>")
    def delete(path: Named) -> web.Answer:
        return path.name, 204

    @api.post("/<name>/done")
    def finish(path: Named) -> web.Answer:
        return {"done": path.name}

    @api.get("/broken")
    def broken() -> web.Answer:
        raise RuntimeError(f"a bug near {CARD}")

    return api


def make_app(readiness: Readiness) -> OpenAPI:
    app = web.make_app("sample", "A sample.", readiness.check)
    app.register_api(sample_routes())
    return app


def serve() -> OpenAPI:
    return make_app(Readiness())


class Served(NamedTuple):
    """A gunicorn that serves the sample, and the file it logs to."""

    port: int
    log: Path

    def send(self, request: bytes) -> bytes:
        """Everything that the server sends until it closes the connection. The client sends only `request`."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as client:
            client.sendall(request)
            client.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: client.recv(65536), b""))


@contextmanager
def serving(log: Path) -> Iterator[Served]:
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "-c", "python:chassis.web.gunicorn", f"{__name__}:serve()"]
    env = inherited() | {"PORT": str(port)}
    with log.open("w") as out, subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=out) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/health/live")
            yield Served(port, log)
        finally:
            process.terminate()
    assert process.returncode == 0


def get_bytes(target: bytes, headers: bytes = HOST, version: bytes = b"HTTP/1.1") -> bytes:
    return b"GET " + target + b" " + version + b"\r\n" + headers + b"\r\n"


def post_bytes(headers: bytes, body: bytes = b'{"name": "x", "amount": 1}') -> bytes:
    return b"POST /sample HTTP/1.1\r\n" + JSON + headers + b"\r\n" + body


def parse(response: bytes) -> tuple[int, dict[str, str], Any]:
    """Status, headers with names in lower case, and the JSON body."""
    head, _, body = response.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
    return int(line.split()[1]), headers, json.loads(body)
