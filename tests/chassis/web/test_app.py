import gzip
import http.client
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
import structlog
from flask.testing import FlaskClient
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.openapi import OpenAPI
from openapi_spec_validator import OpenAPIV31SpecValidator

from chassis.core import deadline, logs, strictjson
from chassis.core.errors import Unavailable
from chassis.core.fields import Amount, Input, Model, PageQuery
from chassis.web import app as web
from tests.machine import free_port, wait_for
from tests.processes import inherited

CARD = "4111111111113322"


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


def sample_routes() -> APIBlueprint:
    api = APIBlueprint("sample", __name__, url_prefix="/sample")

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

    @api.get("/broken")
    def broken() -> web.Answer:
        raise RuntimeError(f"a bug near {CARD}")

    return api


def make_app(readiness: Readiness) -> OpenAPI:
    app = web.make_app("sample", "A sample.", readiness.check)
    app.register_api(sample_routes())
    return app


@pytest.fixture
def readiness() -> Readiness:
    return Readiness()


@pytest.fixture
def client(readiness: Readiness) -> FlaskClient:
    return make_app(readiness).test_client()


def post(client: FlaskClient, body: bytes, content_type: str = "application/json") -> Any:
    return client.post("/sample", data=body, content_type=content_type)


def test_a_good_body_is_taken_and_numbers_stay_numbers(client: FlaskClient) -> None:
    answer = post(client, b'{"name": "x", "amount": 12.30}')
    assert (answer.status_code, answer.get_json()) == (200, {"name": "x", "amount": Decimal("12.3")})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"name": "x", "amount": NaN}', 400),
        (b'{"name": "x", "amount": -Infinity}', 400),
        (b'{"name": "x", "amount": 1e400}', 400),
        (b'{"name": "x", "amount": 1E+999999999}', 400),
        (b'{"name": "x", "amount": 1E-999999999}', 400),
        (b'{"name": "x", "amount": ' + b"9" * 5000 + b"}", 400),
        (b'{"name": "x", "name": "y", "amount": 1}', 400),
        (b'{"name": "\xff", "amount": 1}', 400),
        ('{"name": "x", "amount": 1}'.encode("utf-16"), 400),
        (b"[" * 30_000, 400),
        (b'{"a":' * 10_000, 400),
        (b"[]", 422),
        (b'"{}"', 422),
        (b'"{\\"name\\": \\"x\\", \\"amount\\": 1}"', 422),
        (b"null", 422),
        (b'{"name": "\\ud800", "amount": 1}', 400),
        (b'{"name": "x", "amount": 1, "\\ud800": 1}', 400),
        (b'{"name": "x", "amount": 1.001}', 422),
        (b'{"name": "x", "amount": "1.10"}', 422),
        (b'{"name": "x", "amount": true}', 422),
        (b'{"name": "x", "amount": -1}', 422),
        (b'{"name": "x", "amount": 1, "surprise": 1}', 422),
        (b'{"name": "' + b"x" * web.MAX_BODY + b'", "amount": 1}', 413),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_bad_body_is_a_problem_document_and_never_a_500(client: FlaskClient, body: bytes, status: int) -> None:
    answer = post(client, body)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.get_json()["status"] == status


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "The body is empty."),
        (b'{"name": "\xff"}', "The body is not UTF-8: see byte 11."),
        (
            b'{"name": 1 2}',
            "The body is not valid JSON: Expecting ',' delimiter, line 1, column 12.",
        ),
        (
            b'{"name": "x",\n"name": "y"}',
            f"The body is not valid JSON: {strictjson.TWICE}, line 2, column 1.",
        ),
        (b"[" * 30_000, "The body has objects or lists in one another too deeply."),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_body_that_is_not_json_is_told_what_is_wrong_and_where(client: FlaskClient, body: bytes, detail: str) -> None:
    answer = post(client, body)
    assert (answer.status_code, answer.get_json()["detail"]) == (400, detail)


def test_what_is_not_json_is_a_415(client: FlaskClient) -> None:
    answer = post(client, b"name=x", "application/x-www-form-urlencoded")
    assert answer.status_code == 415
    assert "Content-Type: application/json" in answer.get_json()["detail"]
    assert (answer.headers["Accept"], answer.headers.get("Accept-Encoding")) == ("application/json", None)
    assert post(client, b'{"name": "x", "amount": 1}', "application/merge-patch+json").status_code == 200


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "deflate", "zstd", "aes128gcm", "identity, gzip", "wonders"])
def test_a_compressed_body_is_a_415_that_says_what_is_accepted(client: FlaskClient, coding: str) -> None:
    """RFC 9110, section 15.5.16: `Accept-Encoding` tells a wrong coding from a wrong media type."""
    body = gzip.compress(b'{"name": "x", "amount": 1}')
    headers = {"Content-Encoding": coding, "Content-Type": "application/json"}
    answer = client.post("/sample", data=body, headers=headers)
    assert (answer.status_code, answer.content_type) == (415, "application/problem+json")
    assert (answer.headers["Accept-Encoding"], answer.headers.get("Accept")) == ("identity", None)
    assert "without compression" in answer.get_json()["detail"]


@pytest.mark.parametrize("coding", ["", "identity", "Identity"])
def test_a_body_as_it_is_may_say_so(client: FlaskClient, coding: str) -> None:
    headers = {"Content-Encoding": coding, "Content-Type": "application/json"}
    assert client.post("/sample", data=b'{"name": "x", "amount": 1}', headers=headers).status_code == 200


def test_an_invalid_field_is_named_and_its_value_is_not(client: FlaskClient) -> None:
    answer = post(client, json.dumps({"name": 1, "amount": CARD}).encode())
    errors = {error["pointer"]: error["detail"] for error in answer.get_json()["errors"]}
    assert errors == {"/name": "Input should be a valid string", "/amount": "must be a number"}
    assert CARD not in answer.get_data(as_text=True)


def test_a_path_that_is_not_there_is_a_404_even_for_a_body_that_is_not_json(client: FlaskClient) -> None:
    answer = client.post("/nowhere", data="x")
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_a_method_that_is_not_there_is_a_405_that_says_which_are(client: FlaskClient) -> None:
    answer = client.delete("/sample", data="x")
    assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_a_query_parameter_given_twice_is_malformed(client: FlaskClient) -> None:
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
def test_a_query_parameter_that_a_path_does_not_know_is_refused_on_every_path(
    client: FlaskClient, method: str, path: str
) -> None:
    answer = client.open(f"{path}?utm_source=mail&a~/b={CARD}", method=method, json={"name": "x", "amount": 1})
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json")
    if method != "HEAD":
        assert [error["pointer"] for error in answer.get_json()["errors"]] == ["/utm_source", "/a~0~1b"]
        assert CARD not in answer.text


def test_an_unknown_query_parameter_is_told_which_ones_are_known(client: FlaskClient) -> None:
    (error,) = client.get("/sample?Limit=3").get_json()["errors"]
    assert error["detail"] == "is no query parameter here; this path knows `cursor`, `limit`"
    (error,) = client.get("/sample/time?Limit=3").get_json()["errors"]
    assert error["detail"] == "is no query parameter here; this path knows none"
    (error,) = client.get("/sample/time?limit=3").get_json()["errors"]
    assert error["detail"] == "is no query parameter here: `GET /sample?limit=…` knows it"


@pytest.mark.parametrize("path", ["/", "/docs/", "/docs/swagger", "/openapi.json", "/health/live", "/health/ready"])
def test_pages_and_probes_ignore_query_parameters(client: FlaskClient, path: str) -> None:
    assert client.get(f"{path}?utm_source=mail").status_code == 200


@pytest.mark.parametrize("limit", ["1_0", "+5", "%205", "5%20", "5.0", "05", "٣", "５", "0x5", "", "true", "5%00"])
def test_an_integer_in_a_query_has_one_spelling(client: FlaskClient, limit: str) -> None:
    answer = client.get(f"/sample?limit={limit}")
    assert answer.status_code == 422
    (error,) = answer.get_json()["errors"]
    assert error == {"pointer": "/limit", "detail": "must be a whole number in decimal digits, such as 20"}


@pytest.mark.parametrize("limit", ["-1", "0", "101", "9" * 3000])
def test_an_integer_in_a_query_has_bounds(client: FlaskClient, limit: str) -> None:
    assert client.get(f"/sample?limit={limit}").status_code == 422


@pytest.mark.parametrize("path", ["/sample/", "/sample/time/", "/health/live/", "/sample//time", "/SAMPLE"])
def test_a_path_is_compared_as_it_stands(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert "slash" in answer.get_json()["detail"]


def test_a_request_has_some_seconds_and_the_next_one_as_many(client: FlaskClient) -> None:
    for _ in range(2):
        assert web.DEADLINE - 1 < client.get("/sample/time").get_json()["seconds"] <= web.DEADLINE


def test_a_bug_is_a_500_without_a_word_of_it(client: FlaskClient, capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("sample", {"LOG_FORMAT": "json"})
    answer = client.get("/sample/broken", headers={"X-Correlation-Id": "abc"})
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert CARD not in answer.get_data(as_text=True)
    logged = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    bug = next(line for line in logged if line["event"] == "unexpected error")
    assert bug["correlation_id"] == "abc"
    assert "RuntimeError" in bug["exception"]


def test_a_correlation_id_is_taken_if_it_fits_and_answered_even_with_an_error(client: FlaskClient) -> None:
    assert client.get("/", headers={"X-Correlation-Id": "a-1"}).headers["X-Correlation-Id"] == "a-1"
    assert client.get("/nowhere", headers={"X-Correlation-Id": "a-2"}).headers["X-Correlation-Id"] == "a-2"
    for unfit in ("", "a b", "x" * 129):
        answered = client.get("/", headers={"X-Correlation-Id": unfit}).headers["X-Correlation-Id"]
        assert logs.CORRELATION_ID.fullmatch(answered)
        assert answered != unfit


def test_a_request_is_one_line_with_its_correlation_id(client: FlaskClient, capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("sample", {"LOG_FORMAT": "json"})
    structlog.contextvars.bind_contextvars(left="by the request before")
    client.get("/sample?limit=3", headers={"X-Correlation-Id": "abc"})
    client.get("/health/live")
    (line,) = capfd.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["process"], said["method"], said["path"], said["status"]) == ("sample", "GET", "/sample", 200)
    assert said["correlation_id"] == "abc"
    assert "left" not in said


def test_liveness_stays_while_readiness_goes_and_comes_back(client: FlaskClient, readiness: Readiness) -> None:
    readiness.down = True
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/health/live").status_code == 200
    readiness.down = False
    assert client.get("/health/ready").status_code == 200


def test_the_root_says_what_it_is_and_where_the_documentation_is(client: FlaskClient) -> None:
    about = client.get("/").get_json()
    assert about["service"] == "sample"
    assert client.get(about["docs"], follow_redirects=True).status_code == 200
    assert client.get(about["openapi"]).status_code == 200


def test_the_document_is_valid_openapi_3_1(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    assert document["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_the_documentation_page_asks_no_other_host_for_anything(client: FlaskClient) -> None:
    page = client.get("/docs", follow_redirects=True)
    assert re.findall(r"https?://|//\w", page.text) == []
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(assets) == 4
    for asset in [*assets, "openapi.json"]:
        with client.get(urljoin(page.request.path, asset)) as answer:
            assert answer.status_code == 200
    assert '"validatorUrl": null' in page.text  # or each look at the page is told to validator.swagger.io
    assert page.headers["X-Content-Type-Options"] == "nosniff"


def serve() -> OpenAPI:
    return make_app(Readiness())


@pytest.fixture
def server(tmp_path: Path) -> Iterator[int]:
    """The port of a gunicorn that serves the sample, and logs to a file there."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "-c",
        "python:chassis.web.gunicorn",
        "tests.chassis.web.test_app:serve()",
    ]
    root = Path(__file__).parent.parent.parent.parent
    env = inherited() | {"PORT": str(port)}
    log = tmp_path / "log"
    with log.open("w") as out, subprocess.Popen(command, cwd=root, env=env, stdout=out, stderr=out) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/health/live")
            yield port
        finally:
            process.terminate()
    assert process.returncode == 0


def test_a_body_without_a_length_is_limited_too(server: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server, timeout=10)
    chunks = iter([b"x" * 16_384] * 8)
    connection.request(
        "POST", "/sample", body=chunks, headers={"Content-Type": "application/json"}, encode_chunked=True
    )
    assert connection.getresponse().status == 413
    connection.close()


def test_what_gunicorn_itself_says_is_json_lines_too(server: int, tmp_path: Path) -> None:
    said = [json.loads(line)["event"] for line in (tmp_path / "log").read_text().splitlines()]
    assert f"http://127.0.0.1:{server}" in " ".join(said)


def test_a_number_of_a_gigabyte_costs_nothing(client: FlaskClient) -> None:
    started = time.perf_counter()
    post(client, b'{"name": "x", "amount": 1E+999999999}')
    assert time.perf_counter() - started < 30  # written out, it would take a gigabyte and minutes
