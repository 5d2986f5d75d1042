"""Requests that gunicorn refuses before any route sees them, sent as raw bytes to a real server."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gunicorn.http.errors import ConfigurationProblem, InvalidHeader

from chassis.web import rejections
from tests.machine import free_port, wait_for
from tests.processes import inherited

ROOT = Path(__file__).parent.parent.parent.parent
HOST = b"Host: x\r\n"
JSON = HOST + b"Content-Type: application/json\r\n"
CHUNKED = b"POST /sample HTTP/1.1\r\n" + JSON + b"Transfer-Encoding: chunked\r\n\r\n"


def get(target: bytes, headers: bytes = HOST, version: bytes = b"HTTP/1.1") -> bytes:
    return b"GET " + target + b" " + version + b"\r\n" + headers + b"\r\n"


def post(headers: bytes, body: bytes = b'{"name": "x", "amount": 1}') -> bytes:
    return b"POST /sample HTTP/1.1\r\n" + JSON + headers + b"\r\n" + body


REFUSED = {
    "request line too long": (get(b"/" + b"x" * 9000), 414),
    "header field too long": (get(b"/", HOST + b"X-Long: " + b"x" * 9000 + b"\r\n"), 431),
    "too many header fields": (get(b"/", HOST + b"X: y\r\n" * 200), 431),
    "unknown expectation": (post(b"Expect: wonders\r\nContent-Length: 26\r\n"), 417),
    "unknown transfer coding": (post(b"Transfer-Encoding: wonders\r\n"), 501),
    "a transfer coding that is not undone": (
        post(b"Transfer-Encoding: gzip, chunked\r\n", b"1\r\n{\r\n0\r\n\r\n"),
        501,
    ),
    "HTTP/3.0": (get(b"/", version=b"HTTP/3.0"), 505),
    "no HTTP version": (get(b"/", version=b"HTTP/1.1.1"), 400),
    "a request line of one word": (b"GET\r\n\r\n", 400),
    "a lower-case method": (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a target that is not ASCII": (get("/é".encode()), 400),
    "a header field without a colon": (get(b"/", HOST + b"nonsense\r\n"), 400),
    "a header name with a space": (get(b"/", HOST + b"X y: z\r\n"), 400),
    "a header value with NUL": (get(b"/", HOST + b"X: a\0b\r\n"), 400),
    "a folded header field": (get(b"/", HOST + b"X: a\r\n b\r\n"), 400),
    "two hosts": (get(b"/", HOST + HOST), 400),
    "two lengths": (post(b"Content-Length: 26\r\nContent-Length: 2\r\n"), 400),
    "a length and chunks": (post(b"Content-Length: 26\r\nTransfer-Encoding: chunked\r\n"), 400),
    "a negative length": (post(b"Content-Length: -1\r\n"), 400),
    "a bare line feed": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "a chunk size that is no number": (CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk longer than it says": (CHUNKED + b"2\r\n{}{}\r\n0\r\n\r\n", 400),
    "a malformed chunk extension": (CHUNKED + b"2;=\r\n{}\r\n0\r\n\r\n", 400),
    "a forbidden trailer": (CHUNKED + b"2\r\n{}\r\n0\r\nHost: y\r\n\r\n", 400),
    "a host that is none": (get(b"/sample/", b"Host: a b\r\n"), 404),
    "CONNECT": (b"CONNECT x:80 HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "an unknown method": (b"BREW /sample HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "two slashes": (get(b"/sample//time"), 404),
    "two slashes at the beginning": (get(b"//sample"), 404),
    "two slashes and a foreign host": (get(b"//sample", b"Host: elsewhere.example\r\n"), 404),
    "a body that ends early": (post(b"Content-Length: 99\r\n"), 400),
    "chunks that end early": (CHUNKED + b"9\r\n{}", 400),
}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("refusals") / "log"


@pytest.fixture(scope="module")
def port(log: Path) -> Iterator[int]:
    """Of a gunicorn that serves the sample of test_web."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        "python:chassis.web.gunicorn",
        "tests.chassis.web.test_app:serve()",
    ]
    env = inherited() | {"PORT": str(port)}
    with log.open("w") as out, subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=out) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/health/live")
            yield port
        finally:
            process.terminate()


def answers(port: int, request: bytes) -> bytes:
    """All that the server sends until it closes; the client sends no more after `request`."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def parsed(answer: bytes) -> tuple[int, dict[str, str], Any]:
    head, _, body = answer.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
    return int(line.split()[1]), headers, json.loads(body)


@pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED.keys())
def test_a_request_that_no_route_sees_is_answered_by_a_problem_document(
    port: int, log: Path, request_: bytes, status: int
) -> None:
    code, headers, problem = parsed(answers(port, request_))
    assert (code, headers["content-type"]) == (status, "application/problem+json")
    assert (problem["status"], set(problem)) == (status, {"type", "title", "status", "detail"})
    assert headers["x-content-type-options"] == "nosniff"
    (line,) = [line for line in log.read_text().splitlines() if headers["x-correlation-id"] in line]
    assert len(line) < 500
    assert "exception" not in json.loads(line)
    assert "xxxx" not in answers(port, request_).decode()


def test_what_is_refused_half_way_closes_the_connection(port: int) -> None:
    """Where the next request would start is unknown, so none may be read behind it."""
    malformed = CHUNKED + b"zz\r\n" + get(b"/sample/time")
    assert answers(port, malformed).count(b"HTTP/1.1 ") == 1


def test_a_client_that_asks_first_whether_it_may_send_is_told_to_go_on(port: int) -> None:
    answer = answers(port, post(b"Expect: 100-continue\r\nContent-Length: 26\r\n"))
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")


@pytest.mark.parametrize("method", [b"HEAD", b"OPTIONS"])
def test_head_and_options_still_work(port: int, method: bytes) -> None:
    answer = answers(port, get(b"/sample").replace(b"GET", method))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n"), "it has a body"


# ── What a client may not decide ──


@pytest.mark.parametrize(
    "header",
    [
        "SCRIPT_NAME: /docs", "SCRIPT_NAME: //elsewhere.example", "SCRIPT-NAME: /docs", "PATH_INFO: /sample/broken",
        "REMOTE_USER: admin", "X-Forwarded-Proto: https", "X-Forwarded-Host: elsewhere.example",
        "X-Forwarded-Prefix: //elsewhere.example", "Forwarded: host=elsewhere.example;proto=https",
    ],
)  # fmt: skip
def test_a_client_decides_neither_where_a_service_is_nor_who_asks(port: int, header: str) -> None:
    plain = answers(port, get(b"/docs"))
    sent = answers(port, get(b"/docs", HOST + header.encode() + b"\r\n"))
    kept = [line for line in plain.splitlines() if line.startswith((b"HTTP/", b"Location: "))]
    assert [line for line in sent.splitlines() if line.startswith((b"HTTP/", b"Location: "))] == kept
    assert b"elsewhere" not in sent


def test_a_fault_of_ours_is_a_500_without_a_word_of_it() -> None:
    answer = rejections.response(ConfigurationProblem("secret"))
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert "secret" not in answer.get_data(as_text=True)


def test_a_header_field_is_named_where_that_repeats_nothing_else() -> None:
    named = rejections.response(InvalidHeader("CONTENT-LENGTH")).get_json()["detail"]
    assert "`CONTENT-LENGTH`" in named
    assert "4111" not in rejections.response(InvalidHeader("4111111111111111")).get_json()["detail"]
