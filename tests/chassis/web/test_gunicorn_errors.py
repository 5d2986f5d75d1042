"""Requests that gunicorn rejects before routing, sent as raw bytes to a real server."""

import json

import pytest
from gunicorn.http.errors import ConfigurationProblem, InvalidHeader

from chassis.web import gunicorn_errors
from tests.chassis.web.sample import CHUNKED, HOST, Served, get_bytes, parse, post_bytes

REJECTED = {
    "request line too long": (get_bytes(b"/" + b"x" * 9000), 414),
    "header field too long": (get_bytes(b"/", HOST + b"X-Long: " + b"x" * 9000 + b"\r\n"), 431),
    "too many header fields": (get_bytes(b"/", HOST + b"X: y\r\n" * 200), 431),
    "unknown expectation": (post_bytes(b"Expect: wonders\r\nContent-Length: 26\r\n"), 417),
    "unknown transfer coding": (post_bytes(b"Transfer-Encoding: wonders\r\n"), 501),
    "an unsupported transfer coding": (
        post_bytes(b"Transfer-Encoding: gzip, chunked\r\n", b"1\r\n{\r\n0\r\n\r\n"),
        501,
    ),
    "HTTP/3.0": (get_bytes(b"/", version=b"HTTP/3.0"), 505),
    "no HTTP version": (get_bytes(b"/", version=b"HTTP/1.1.1"), 400),
    "a request line of one word": (b"GET\r\n\r\n", 400),
    "a lower-case method": (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a target that is not ASCII": (get_bytes("/é".encode()), 400),
    "a header field without a colon": (get_bytes(b"/", HOST + b"nonsense\r\n"), 400),
    "a header name with a space": (get_bytes(b"/", HOST + b"X y: z\r\n"), 400),
    "a header value with NUL": (get_bytes(b"/", HOST + b"X: a\0b\r\n"), 400),
    "a folded header field": (get_bytes(b"/", HOST + b"X: a\r\n b\r\n"), 400),
    "two hosts": (get_bytes(b"/", HOST + HOST), 400),
    "two lengths": (post_bytes(b"Content-Length: 26\r\nContent-Length: 2\r\n"), 400),
    "a length and chunks": (post_bytes(b"Content-Length: 26\r\nTransfer-Encoding: chunked\r\n"), 400),
    "a negative length": (post_bytes(b"Content-Length: -1\r\n"), 400),
    "a bare line feed": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "a chunk size that is not a number": (CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", 400),
    "a chunk longer than its size": (CHUNKED + b"2\r\n{}{}\r\n0\r\n\r\n", 400),
    "a malformed chunk extension": (CHUNKED + b"2;=\r\n{}\r\n0\r\n\r\n", 400),
    "a forbidden trailer": (CHUNKED + b"2\r\n{}\r\n0\r\nHost: y\r\n\r\n", 400),
    "an invalid host": (get_bytes(b"/sample/", b"Host: a b\r\n"), 404),
    "CONNECT": (b"CONNECT x:80 HTTP/1.1\r\n" + HOST + b"\r\n", 404),
    "an unknown method": (b"BREW /sample HTTP/1.1\r\n" + HOST + b"\r\n", 405),
    "two slashes": (get_bytes(b"/sample//time"), 404),
    "two slashes at the beginning": (get_bytes(b"//sample"), 404),
    "two slashes and a foreign host": (get_bytes(b"//sample", b"Host: elsewhere.example\r\n"), 404),
    "a body that ends early": (post_bytes(b"Content-Length: 99\r\n"), 400),
    "chunks that end early": (CHUNKED + b"9\r\n{}", 400),
}


@pytest.mark.parametrize(("request_", "status"), REJECTED.values(), ids=REJECTED.keys())
def test_request_rejected_before_routing_gets_problem_document(served: Served, request_: bytes, status: int) -> None:
    code, headers, problem = parse(served.send(request_))
    assert (code, headers["content-type"]) == (status, "application/problem+json")
    assert (problem["status"], set(problem)) == (status, {"type", "title", "status", "detail"})
    assert headers["x-content-type-options"] == "nosniff"
    (line,) = [line for line in served.log.read_text().splitlines() if headers["x-correlation-id"] in line]
    assert len(line) < 500
    assert "exception" not in json.loads(line)
    assert "xxxx" not in served.send(request_).decode()


def test_connection_closes_after_malformed_request(served: Served) -> None:
    """The start of the next request is unknown, so the server must not read another one."""
    malformed = CHUNKED + b"zz\r\n" + get_bytes(b"/sample/time")
    assert served.send(malformed).count(b"HTTP/1.1 ") == 1


def test_expect_100_continue_gets_100_then_final_response(served: Served) -> None:
    answer = served.send(post_bytes(b"Expect: 100-continue\r\nContent-Length: 26\r\n"))
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 ")


@pytest.mark.parametrize("method", [b"HEAD", b"OPTIONS"])
def test_head_and_options_return_200_without_body(served: Served, method: bytes) -> None:
    answer = served.send(get_bytes(b"/sample").replace(b"GET", method))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"\r\n\r\n"), "the response has a body"


# ── Headers of a proxy ──


@pytest.mark.parametrize(
    "header",
    [
        "SCRIPT_NAME: /docs", "SCRIPT_NAME: //elsewhere.example", "SCRIPT-NAME: /docs", "PATH_INFO: /sample/broken",
        "REMOTE_USER: admin", "X-Forwarded-Proto: https", "X-Forwarded-Host: elsewhere.example",
        "X-Forwarded-Prefix: //elsewhere.example", "Forwarded: host=elsewhere.example;proto=https",
    ],
)  # fmt: skip
def test_proxy_headers_of_a_client_are_ignored(served: Served, header: str) -> None:
    plain = served.send(get_bytes(b"/docs"))
    sent = served.send(get_bytes(b"/docs", HOST + header.encode() + b"\r\n"))
    kept = [line for line in plain.splitlines() if line.startswith((b"HTTP/", b"Location: "))]
    assert [line for line in sent.splitlines() if line.startswith((b"HTTP/", b"Location: "))] == kept
    assert b"elsewhere" not in sent


def test_unlisted_gunicorn_error_is_a_500_without_its_text() -> None:
    answer = gunicorn_errors.response(ConfigurationProblem("secret"))
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert "secret" not in answer.get_data(as_text=True)


def test_detail_names_the_header_field_but_no_other_text_of_the_request() -> None:
    named = gunicorn_errors.response(InvalidHeader("CONTENT-LENGTH")).get_json()["detail"]
    assert "`CONTENT-LENGTH`" in named
    assert "4111" not in gunicorn_errors.response(InvalidHeader("4111111111111111")).get_json()["detail"]
