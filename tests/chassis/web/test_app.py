import json
import re
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urljoin

import pytest
import structlog
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from chassis import tracing
from chassis.core import logs, strictjson
from chassis.tracing.spans import Finished
from chassis.web import app as web
from tests.chassis.web.sample import CARD, Readiness, Served


def post(client: FlaskClient, body: bytes, content_type: str = "application/json") -> Any:
    return client.post("/sample", data=body, content_type=content_type)


def test_valid_body_is_accepted_and_numbers_stay_exact(client: FlaskClient) -> None:
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
def test_malformed_or_invalid_body_gets_problem_document_and_never_a_500(
    client: FlaskClient, body: bytes, status: int
) -> None:
    answer = post(client, body)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.get_json()["status"] == status


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "The body is empty."),
        (b'{"name": "\xff"}', "The body is not valid UTF-8 at byte 11."),
        (
            b'{"name": 1 2}',
            "The body is not valid JSON: Expecting ',' delimiter, line 1, column 12.",
        ),
        (
            b'{"name": "x",\n"name": "y"}',
            f"The body is not valid JSON: {strictjson.DUPLICATE_KEY}, line 2, column 1.",
        ),
        (b"[" * 30_000, "The body nests objects or lists too deeply."),
    ],
    ids=lambda value: str(value)[:40],
)
def test_detail_says_what_is_not_json_and_where(client: FlaskClient, body: bytes, detail: str) -> None:
    answer = post(client, body)
    assert (answer.status_code, answer.get_json()["detail"]) == (400, detail)


def test_problem_names_the_invalid_field_but_not_its_value(client: FlaskClient) -> None:
    answer = post(client, json.dumps({"name": 1, "amount": CARD}).encode())
    errors = {error["pointer"]: error["detail"] for error in answer.get_json()["errors"]}
    assert errors == {"/name": "must be text", "/amount": "must be a number"}
    assert CARD not in answer.get_data(as_text=True)


@pytest.mark.parametrize("limit", ["1_0", "+5", "%205", "5%20", "5.0", "05", "٣", "５", "0x5", "", "true", "5%00"])
def test_query_integer_must_be_plain_decimal_digits(client: FlaskClient, limit: str) -> None:
    answer = client.get(f"/sample?limit={limit}")
    assert answer.status_code == 422
    (error,) = answer.get_json()["errors"]
    assert error == {"pointer": "/limit", "detail": "must be a whole number in decimal digits, such as 20"}


@pytest.mark.parametrize("limit", ["-1", "0", "101", "9" * 3000])
def test_query_integer_must_be_within_bounds(client: FlaskClient, limit: str) -> None:
    assert client.get(f"/sample?limit={limit}").status_code == 422


def test_each_request_gets_its_own_deadline(client: FlaskClient) -> None:
    for _ in range(2):
        assert web.DEADLINE - 1 < client.get("/sample/time").get_json()["seconds"] <= web.DEADLINE


def test_unexpected_exception_is_a_500_without_its_text(client: FlaskClient, capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("sample", {"LOG_FORMAT": "json"})
    answer = client.get("/sample/broken", headers={"X-Correlation-Id": "abc"})
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    assert CARD not in answer.get_data(as_text=True)
    logged = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    bug = next(line for line in logged if line["event"] == "unexpected error")
    assert bug["correlation_id"] == "abc"
    assert "RuntimeError" in bug["exception"]


def test_valid_correlation_id_is_returned_and_invalid_one_replaced(client: FlaskClient) -> None:
    assert client.get("/", headers={"X-Correlation-Id": "a-1"}).headers["X-Correlation-Id"] == "a-1"
    assert client.get("/nowhere", headers={"X-Correlation-Id": "a-2"}).headers["X-Correlation-Id"] == "a-2"
    for unfit in ("", "a b", "x" * 129):
        answered = client.get("/", headers={"X-Correlation-Id": unfit}).headers["X-Correlation-Id"]
        assert logs.CORRELATION_ID.fullmatch(answered)
        assert answered != unfit


def test_each_request_logs_one_line_with_its_correlation_id(
    client: FlaskClient, capfd: pytest.CaptureFixture[str]
) -> None:
    logs.configure("sample", {"LOG_FORMAT": "json"})
    structlog.contextvars.bind_contextvars(left="by the previous request")
    client.get("/sample?limit=3", headers={"X-Correlation-Id": "abc"})
    client.get("/health/live")
    (line,) = capfd.readouterr().err.splitlines()
    said = json.loads(line)
    assert (said["process"], said["method"], said["path"], said["status"]) == ("sample", "GET", "/sample", 200)
    assert said["correlation_id"] == "abc"
    assert "left" not in said


def test_readiness_follows_the_dependency_and_liveness_does_not(client: FlaskClient, readiness: Readiness) -> None:
    readiness.down = True
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/health/live").status_code == 200
    readiness.down = False
    assert client.get("/health/ready").status_code == 200


def test_root_describes_the_service_and_links_to_its_documentation(client: FlaskClient) -> None:
    about = client.get("/").get_json()
    assert about["service"] == "sample"
    assert client.get(about["docs"], follow_redirects=True).status_code == 200
    assert client.get(about["openapi"]).status_code == 200


def test_openapi_document_is_valid_3_1(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    assert document["openapi"] == "3.1.0"
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_documentation_page_loads_nothing_from_other_hosts(client: FlaskClient) -> None:
    page = client.get("/docs", follow_redirects=True)
    assert re.findall(r"https?://|//\w", page.text) == []
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(assets) == 4
    for asset in [*assets, "openapi.json"]:
        with client.get(urljoin(page.request.path, asset)) as answer:
            assert answer.status_code == 200
    assert '"validatorUrl": null' in page.text  # otherwise each page view calls validator.swagger.io
    assert page.headers["X-Content-Type-Options"] == "nosniff"


def test_gunicorn_logs_json_lines(served: Served) -> None:
    said = [json.loads(line)["event"] for line in served.log.read_text().splitlines()]
    assert f"http://127.0.0.1:{served.port}" in " ".join(said)


def test_number_with_huge_exponent_is_rejected_quickly(client: FlaskClient) -> None:
    started = time.perf_counter()
    post(client, b'{"name": "x", "amount": 1E+999999999}')
    assert time.perf_counter() - started < 30  # as an integer, it would take a gigabyte and minutes


TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_request_is_a_span_of_the_trace_in_its_header(client: FlaskClient, recorded: list[Finished]) -> None:
    client.get("/sample?limit=3", headers={"traceparent": TRACEPARENT, "X-Correlation-Id": "abc"})
    (span,) = recorded
    assert (span.trace_id, span.parent_id) == tuple(TRACEPARENT.split("-")[1:3])
    assert (span.kind, span.name, span.fields) == ("request", "GET /sample", {"correlation_id": "abc", "status": 200})


def test_a_span_names_the_route_and_not_the_path(client: FlaskClient, recorded: list[Finished]) -> None:
    """A path can have a user's name."""
    client.get("/order/ann")
    assert [span.name for span in recorded] == ["GET ?"]


def test_checks_of_health_have_no_trace(client: FlaskClient, recorded: list[Finished]) -> None:
    client.get("/")
    client.get("/health/ready")
    assert [span.name for span in recorded] == ["GET /"]
    assert tracing.current() is None


def test_log_lines_of_a_request_have_its_trace_id(client: FlaskClient, capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("sample", {"LOG_FORMAT": "json"})
    client.get("/sample?limit=3", headers={"traceparent": TRACEPARENT})
    client.get("/sample?limit=3")
    first, second = (json.loads(line)["trace_id"] for line in capfd.readouterr().err.splitlines())
    assert first == TRACEPARENT.split("-")[1] != second


def test_requests_are_measured_by_latency_and_class_of_status_without_probes(
    client: FlaskClient, measurements: Callable[[], dict[str, Any]]
) -> None:
    for path in ("/", "/", "/nowhere", "/health/live", "/health/ready"):
        client.get(path)
    found = measurements()
    assert len(found.pop("RequestLatency")) == 3
    assert found == {"Responses2xx": 2, "Responses4xx": 1}
