import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace

import boto3
import botocore
import pytest

from chassis.aws.emulator import AWS_DOMAINS, is_emulator
from tests.environment import free_port


def client_of(endpoint: str) -> SimpleNamespace:
    return SimpleNamespace(meta=SimpleNamespace(endpoint_url=endpoint))


@contextmanager
def serving(status: int, body: bytes, asked: list[str] | None = None) -> Iterator[int]:
    """The port of a server that sends one response to every request and records the paths in `asked`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.append(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_domains_cover_every_partition_of_aws() -> None:
    """botocore's data lists the domains of all partitions."""
    partitions = json.loads((Path(botocore.__file__).parent / "data" / "partitions.json").read_text())["partitions"]
    suffixes = [each["outputs"][kind] for each in partitions for kind in ("dnsSuffix", "dualStackDnsSuffix")]
    assert len(suffixes) >= 16
    assert [suffix for suffix in suffixes if not suffix.endswith(AWS_DOMAINS)] == []


@pytest.mark.integration
def test_emulator_is_detected(aws_env: Mapping[str, str]) -> None:
    assert is_emulator(boto3.Session().client("dynamodb"))


@pytest.mark.integration
def test_endpoint_of_the_service_overrides_the_general_one(
    aws_env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://127.0.0.1:{free_port()}")
    assert not is_emulator(boto3.Session().client("dynamodb"))
    assert is_emulator(boto3.Session().client("sqs"))


@pytest.mark.parametrize(
    ("host", "emulator"),
    [
        ("localhost.localstack.cloud", True),
        ("dynamodb.eu-west-1.amazonaws.com", False),
        ("sqs.cn-north-1.amazonaws.com.cn", False),
        ("SQS.eu-west-1.api.aws", False),
    ],
)
def test_aws_is_not_an_emulator_and_gets_no_request(host: str, emulator: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest, **named: resolve("127.0.0.1", *rest, **named))
    asked: list[str] = []
    with serving(200, b'{"services": {}}', asked) as port:  # the response of an emulator
        assert is_emulator(client_of(f"http://{host}:{port}")) is emulator
    assert len(asked) == emulator


def test_closed_port_is_not_an_emulator() -> None:
    assert not is_emulator(client_of(f"http://127.0.0.1:{free_port()}"))


@pytest.mark.parametrize(("status", "body"), [(200, b"hello"), (404, b'{"services": {}}'), (302, b"services")])
def test_other_server_is_not_an_emulator(status: int, body: bytes) -> None:
    with serving(status, body) as port:
        assert not is_emulator(client_of(f"http://127.0.0.1:{port}"))
