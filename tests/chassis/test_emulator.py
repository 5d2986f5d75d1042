import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import boto3
import pytest

from chassis.emulator import is_emulator
from tests.conftest import free_port


def client_of(endpoint: str) -> SimpleNamespace:
    return SimpleNamespace(meta=SimpleNamespace(endpoint_url=endpoint))


@pytest.fixture
def other_server() -> Iterator[str]:
    """Something else that answers 200 to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.integration
def test_an_emulator_is_one(aws_env: Mapping[str, str]) -> None:
    assert is_emulator(boto3.Session().client("dynamodb"))


@pytest.mark.integration
def test_the_endpoint_of_the_service_counts_not_the_general_one(
    aws_env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{free_port()}")
    assert not is_emulator(boto3.Session().client("dynamodb"))
    assert is_emulator(boto3.Session().client("sqs"))


@pytest.mark.parametrize(
    "endpoint",
    ["https://dynamodb.eu-west-1.amazonaws.com", "https://sqs.cn-north-1.amazonaws.com.cn", "https://x.api.aws"],
)
def test_aws_is_none_and_is_not_even_asked(endpoint: str) -> None:
    assert not is_emulator(client_of(endpoint))


def test_a_port_where_nobody_listens_is_none() -> None:
    assert not is_emulator(client_of(f"http://127.0.0.1:{free_port()}"))


def test_another_server_is_none(other_server: str) -> None:
    assert not is_emulator(client_of(other_server))
