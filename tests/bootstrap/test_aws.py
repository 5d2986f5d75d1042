"""Which endpoint, whose credentials, which region: decided from the environment alone."""

import http.server
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bootstrap.aws import Aws, await_endpoint, connect, endpoint
from bootstrap.errors import Failed, Misused
from tests.bootstrap.fakes import quick_clock

LOCAL = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}


@pytest.fixture(autouse=True)
def _no_identity(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without any AWS settings."""
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def connected(env: Mapping[str, str], said: list[str] | None = None, *, emulated: bool = True) -> Aws:
    return connect(env, (said if said is not None else []).append, lambda _: emulated)


def identity(client: Any) -> str:
    return str(client._request_signer._credentials.access_key)


def test_an_empty_endpoint_is_aws() -> None:
    assert endpoint({"AWS_ENDPOINT_URL": ""}) is None
    assert endpoint({}) is None


def test_a_services_own_endpoint_comes_first() -> None:
    env = LOCAL | {"AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:8"}
    aws = connected(env)
    assert aws.sqs.meta.endpoint_url == "http://127.0.0.1:8"
    assert aws.events.meta.endpoint_url == "http://127.0.0.1:9"


@pytest.mark.parametrize("url", ["localhost:4566", "127.0.0.1", "ftp://x", "http://"])
def test_an_endpoint_without_scheme_or_host_is_refused(url: str) -> None:
    with pytest.raises(Misused, match="not like http"):
        endpoint({"AWS_ENDPOINT_URL": url})


def test_an_emulator_needs_neither_credentials_nor_region() -> None:
    said: list[str] = []
    aws = connected(LOCAL, said)
    assert (aws.emulator, aws.region, identity(aws.sqs)) == (True, "us-east-1", "test")
    assert "made-up credentials" in said[0]
    assert "an emulator" in aws.where


def test_an_emulator_is_given_the_named_account_and_no_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "of-the-office")
    said: list[str] = []
    env = LOCAL | {"AWS_ACCESS_KEY_ID": "123456789012", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-west-1"}
    aws = connected(env, said)
    assert (aws.region, identity(aws.sqs), said) == ("eu-west-1", "123456789012", [])


def test_aws_without_a_region_is_refused() -> None:
    with pytest.raises(Misused, match="no AWS region"):
        connected({})


def test_aws_without_credentials_is_refused() -> None:
    with pytest.raises(Misused, match="no AWS credentials"):
        connected({"AWS_REGION": "eu-west-1"})


def test_aws_gets_the_environments_credentials() -> None:
    key = "AKIAIOSFODNN7EXAMPLE"
    aws = connected({"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": "s" * 40})
    assert (aws.emulator, identity(aws.sqs)) == (False, key)
    assert aws.where == "https://cloudformation.eu-west-1.amazonaws.com (AWS), region eu-west-1"
    assert aws.command("up", "mine") == "SHOP_NAME=mine python -m bootstrap up"


@pytest.mark.parametrize("region", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_placeholder_credentials_are_not_sent_to_aws(region: str) -> None:
    with pytest.raises(Misused, match="The AWS credentials are placeholders"):
        connected({region: "eu-west-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"})


def test_an_endpoint_that_is_no_emulator_gets_no_made_up_credentials() -> None:
    with pytest.raises(Misused, match="no AWS credentials"):
        connected(LOCAL | {"AWS_REGION": "eu-west-1"}, emulated=False)


@pytest.fixture
def late_server() -> Iterator[str]:
    """Answers 503 twice, as a proxy does in front of what still starts, then 404."""
    answers = iter([503, 503])

    class Late(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(next(answers, 404))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Silent."""

    with http.server.HTTPServer(("127.0.0.1", 0), Late) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_endpoint_that_still_starts_is_waited_for_and_says_so_once(late_server: str) -> None:
    said: list[str] = []
    await_endpoint(late_server, 30, said.append, quick_clock())
    assert said == [f"waiting up to 30 s for {late_server} to answer"]


@pytest.mark.parametrize("seconds", [0.0, 30.0])
def test_an_endpoint_that_never_answers_is_one_clear_line(seconds: float) -> None:
    with pytest.raises(Failed, match="does not answer: start the emulator"):
        await_endpoint("http://127.0.0.1:9", seconds, lambda _: None, quick_clock())
