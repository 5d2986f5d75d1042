import gzip
import http.client
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.chassis.web.sample import CARD, Served, parse, post_bytes


def post(client: FlaskClient, body: bytes, content_type: str = "application/json") -> Any:
    return client.post("/sample", data=body, content_type=content_type)


def test_other_media_type_than_json_is_a_415(client: FlaskClient) -> None:
    answer = post(client, b"name=x", "application/x-www-form-urlencoded")
    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.get_json()["detail"]
    assert (answer.headers["Accept"], answer.headers.get("Accept-Encoding")) == ("application/json", None)
    assert post(client, b'{"name": "x", "amount": 1}', "application/merge-patch+json").status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "deflate", "zstd", "aes128gcm", "identity, gzip", "wonders"])
def test_compressed_body_is_a_415_with_the_supported_coding(client: FlaskClient, coding: str) -> None:
    """`Accept-Encoding` distinguishes a wrong coding from a wrong media type (RFC 9110, section 15.5.16)."""
    body = gzip.compress(b'{"name": "x", "amount": 1}')
    headers = {"Content-Encoding": coding, "Content-Type": "application/json"}
    answer = client.post("/sample", data=body, headers=headers)
    assert (answer.status_code, answer.content_type) == (415, "application/problem+json")
    assert (answer.headers["Accept-Encoding"], answer.headers.get("Accept")) == ("identity", None)
    assert "without compression" in answer.get_json()["detail"]


@pytest.mark.parametrize("coding", ["", "identity", "Identity"])
def test_content_encoding_identity_is_accepted(client: FlaskClient, coding: str) -> None:
    headers = {"Content-Encoding": coding, "Content-Type": "application/json"}
    assert client.post("/sample", data=b'{"name": "x", "amount": 1}', headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", None, 200),
        (b"", "text/plain", 200),
        (b"{}", "application/json", 200),
        (b"[]", "application/json", 422),
        (b"{", "application/json", 400),
        (b"name=x", "application/x-www-form-urlencoded", 415),
    ],
)
def test_route_without_a_body_model_takes_an_empty_body_or_a_json_object(
    client: FlaskClient, body: bytes, content_type: str | None, status: int
) -> None:
    assert client.post("/sample/s-1/done", data=body, content_type=content_type).status_code == status


def test_unknown_path_is_a_404_whatever_the_body(client: FlaskClient) -> None:
    answer = client.post("/nowhere", data="x")
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_unsupported_method_is_a_405_with_allow_header(client: FlaskClient) -> None:
    answer = client.delete("/sample", data="x")
    assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_repeated_query_parameter_is_a_400(client: FlaskClient) -> None:
    answer = client.get(f"/sample?{'x' * 100}={CARD}&{'x' * 100}={CARD}")
    assert answer.status_code == 400
    assert "x" * 50 in answer.text
    assert "x" * 51 not in answer.text
    assert CARD not in answer.text
    assert client.get("/sample?limit=2").get_json() == {"limit": 2}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/sample"),
        ("GET", "/sample/time"),
        ("HEAD", "/sample/time"),
        ("POST", "/sample"),
        ("DELETE", "/sample/x"),
    ],
)
def test_unknown_query_parameter_is_a_422_for_every_method(client: FlaskClient, method: str, path: str) -> None:
    answer = client.open(f"{path}?utm_source=mail&a~/b={CARD}", method=method, json={"name": "x", "amount": 1})
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    if method != "HEAD":
        assert [error["pointer"] for error in answer.get_json()["errors"]] == ["/utm_source", "/a~0~1b"]
        assert CARD not in answer.text


def test_unknown_query_parameter_error_lists_the_known_ones(client: FlaskClient) -> None:
    (error,) = client.get("/sample?Limit=3").get_json()["errors"]
    assert error["detail"] == "is not a query parameter of this path; it has `cursor`, `limit`"
    (error,) = client.get("/sample/time?Limit=3").get_json()["errors"]
    assert error["detail"] == "is not a query parameter of this path; it has none"
    (error,) = client.get("/sample/time?limit=3").get_json()["errors"]
    assert error["detail"] == "is not a query parameter of this path; use `GET /sample?limit=…`"


@pytest.mark.parametrize("path", ["/", "/docs/", "/docs/swagger", "/openapi.json", "/health/live", "/health/ready"])
def test_pages_and_health_checks_ignore_query_parameters(client: FlaskClient, path: str) -> None:
    assert client.get(f"{path}?utm_source=mail").status_code == 200


@pytest.mark.parametrize("path", ["/sample/", "/sample/time/", "/health/live/", "/sample//time", "/SAMPLE"])
def test_path_is_not_normalized(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert "slash" in answer.get_json()["detail"]


def test_chunked_body_over_the_limit_is_a_413(served: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    chunks = iter([b"x" * 16_384] * 8)
    connection.request(
        "POST", "/sample", body=chunks, headers={"Content-Type": "application/json"}, encode_chunked=True
    )
    assert connection.getresponse().status == 413
    connection.close()


def test_body_shorter_than_its_content_length_is_a_400(served: Served) -> None:
    status, _, problem = parse(served.send(post_bytes(b"Content-Length: 99\r\n")))
    assert (status, problem["detail"]) == (400, "The body is shorter than `Content-Length` says.")
