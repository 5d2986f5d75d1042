import io
from http.client import BadStatusLine, HTTPException, IncompleteRead, RemoteDisconnected

import pytest

from chassis.aws.fast import http1


def read(text: str) -> http1.Response:
    return http1.read(io.BytesIO(text.replace("\n", "\r\n").encode("latin-1")))


def test_an_answer_has_a_status_headers_in_lower_case_and_a_body() -> None:
    told = read("HTTP/1.1 200 OK\nContent-Length: 4\nX-Amzn-RequestId:  A b \n\nbodyrest")
    assert told == (200, {"content-length": "4", "x-amzn-requestid": "A b"}, b"body", False)


@pytest.mark.parametrize(
    ("text", "body", "last"),
    [
        ("HTTP/1.1 200 \nContent-Length: 0\n\n", b"", False),
        ("HTTP/1.1 200\nContent-Length: 1\n\na", b"a", False),
        ("HTTP/1.1 200 OK\nContent-Length: 1\nConnection: keep-alive\n\na", b"a", False),
        ("HTTP/1.1 200 OK\nContent-Length: 1\nConnection: Close\n\na", b"a", True),
        ("HTTP/1.0 200 OK\nContent-Length: 1\n\na", b"a", True),
        ("HTTP/1.1 200 OK\n\nuntil the end", b"until the end", True),
        ("HTTP/1.1 200 OK\nContent-Length: many\n\na", b"a", True),
        ("HTTP/1.1 200 OK\nContent-Length: 9\n\ncut", b"cut", True),
        ("HTTP/1.1 200 OK\nContent-Length: 9\n", b"", True),
        ("HTTP/1.1 204 -\n\n", b"", False),
        ("HTTP/1.1 304 -\nContent-Length: 9\n\n", b"", False),
        ("HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nContent-Length: 1\n\na", b"a", False),
        (
            "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n0A;name=1\n0123456789\n0\n\n",
            b"abc0123456789",
            False,
        ),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: Chunked\nContent-Length: 1\n\n1\na\n0\nTrailer: 1\n\n", b"a", False),
    ],
)
def test_a_body_ends_where_its_headers_say(text: str, body: bytes, last: bool) -> None:
    told = read(text)
    assert (told.content, told.last) == (body, last)


def test_headers_of_one_name_are_a_list() -> None:
    assert read("HTTP/1.1 200 OK\nVia: a\nvia: b\nContent-Length: 0\n\n").headers["via"] == "a, b"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", RemoteDisconnected),
        ("SSH-2.0-OpenSSH\n", BadStatusLine),
        ("HTTP/2 200 OK\n\n", BadStatusLine),
        ("HTTP/1.1 OK\n\n", BadStatusLine),
        ("HTTP/1.1 200 OK\nContent-Len", HTTPException),
        ("HTTP/1.1 200 OK\nno colon\n\n", HTTPException),
        (f"HTTP/1.1 200 OK\n{'a' * http1.LINE}: 1\n\n", HTTPException),
        ("HTTP/1.1 200 OK\n" + "".join(f"n{n}: 1\n" for n in range(101)) + "\n", HTTPException),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nabc", IncompleteRead),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabcd\n", IncompleteRead),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n", HTTPException),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n", HTTPException),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nxyz\n", HTTPException),
        ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n-1\n", HTTPException),
    ],
)
def test_what_is_not_http_is_an_error(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(text)
