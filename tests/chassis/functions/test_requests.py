import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from flask import request

from chassis.core import deadline
from chassis.functions.requests import handler
from chassis.web.app import DEADLINE, make_app
from chassis.web.openapi import DocumentedApp
from tests.fakes import Invocation

# The event of a function URL ("Invoking Lambda function URLs"), which HTTP APIs of API Gateway send too.
EVENT: dict[str, Any] = {
    "version": "2.0",
    "routeKey": "$default",
    "rawPath": "/echo",
    "rawQueryString": "a=1&b=%26",
    "cookies": ["one=1", "two=2"],
    "headers": {
        "content-type": "application/json",
        "content-length": "23",
        "host": "abc.lambda-url.eu-west-1.on.aws",
        "x-correlation-id": "c-1",
    },
    "requestContext": {
        "http": {"method": "POST", "path": "/echo", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7"},
        "stage": "$default",
        "requestId": "r-1",
    },
    "body": base64.b64encode('{"name": "Teapot ☕"}'.encode()).decode(),
    "isBase64Encoded": True,
}


@pytest.fixture
def app() -> DocumentedApp:
    app = make_app("sample", "A sample.", lambda: None)

    def echo() -> dict[str, Any]:
        return {
            "json": request.get_json(),
            "query": request.args,
            "cookies": request.cookies,
            "client": request.remote_addr,
            "left": deadline.remaining(),
        }

    app.add_url_rule("/echo", "echo", echo, methods=["POST"])
    app.add_url_rule("/picture", "picture", lambda: (b"\x89PNG", 200, {"Content-Type": "image/png"}))
    return app


def called(app: DocumentedApp, **changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = handler(app)(EVENT | changes, Invocation())
    return answer


def test_request_reaches_the_route_with_body_query_cookies_and_the_clients_address(app: DocumentedApp) -> None:
    answer = called(app)
    got = json.loads(answer["body"])
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert got["json"] == {"name": "Teapot ☕"}
    assert (got["query"], got["cookies"], got["client"]) == (
        {"a": "1", "b": "&"},
        {"one": "1", "two": "2"},
        "192.0.2.7",
    )
    assert 0 < got["left"] <= DEADLINE


def test_correlation_id_of_the_request_is_logged_and_returned(app: DocumentedApp) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logged:
        answer = called(app)
    assert answer["headers"]["x-correlation-id"] == "c-1"
    assert [line["correlation_id"] for line in logged if line["event"] == "request"] == ["c-1"]


def test_refused_request_gets_a_problem_document_as_text(app: DocumentedApp) -> None:
    answer = called(app, body="{", isBase64Encoded=False)
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (400, "application/problem+json")
    assert json.loads(answer["body"])["status"] == 400


def test_bytes_are_sent_in_base64(app: DocumentedApp) -> None:
    context = EVENT["requestContext"] | {"http": EVENT["requestContext"]["http"] | {"method": "GET"}}
    answer = called(app, rawPath="/picture", requestContext=context, body="", isBase64Encoded=False)
    assert (answer["isBase64Encoded"], base64.b64decode(answer["body"])) == (True, b"\x89PNG")


def test_each_invocation_writes_its_metrics(
    app: DocumentedApp, metric_lines: Callable[[], list[dict[str, Any]]]
) -> None:
    handle = handler(app)
    for _ in range(2):
        handle(EVENT, Invocation())
        (line,) = metric_lines()
        assert line["Responses2xx"] == 1
