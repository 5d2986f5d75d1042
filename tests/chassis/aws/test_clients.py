import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError

from chassis.aws import clients, errors
from chassis.aws.clients import Clients, Timeouts
from chassis.aws.transport import DeadlineExceeded
from chassis.core import deadline
from chassis.core.errors import Misconfigured, Unavailable
from chassis.messaging import queue
from chassis.web import app
from tests.environment import free_port

NOWHERE = {"AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(params=["fast", "boto3"])
def on_both(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NOWHERE, "SHOP_TRANSPORT", request.param)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The endpoint of boto3's clients: a socket that listens but never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield listener


@pytest.mark.parametrize("timeouts", [clients.REQUEST, clients.ONE_SHOT, clients.LONG_POLL])
def test_time_outs_and_attempts_are_set(timeouts: clients.Timeouts, endpoint: socket.socket) -> None:
    config = Clients(NOWHERE).of("events", timeouts).meta.config
    assert (config.connect_timeout, config.read_timeout) == (timeouts.connect, timeouts.read)
    assert config.retries == {"mode": "standard", "total_max_attempts": timeouts.attempts}


def test_publishing_after_the_commit_takes_at_most_a_second() -> None:
    assert clients.ONE_SHOT.attempts * (clients.ONE_SHOT.connect + clients.ONE_SHOT.read) <= 1


def test_attempt_started_just_before_the_deadline_ends_within_five_seconds() -> None:
    assert app.DEADLINE + clients.REQUEST.connect + clients.REQUEST.read <= 5


def test_read_time_out_of_a_long_poll_exceeds_its_wait() -> None:
    assert queue.WAIT < clients.LONG_POLL.read < queue.WAIT + 10
    assert (clients.LONG_POLL.connect, clients.LONG_POLL.attempts) == (0.5, 1)


def test_region_comes_from_either_variable(endpoint: socket.socket) -> None:
    assert Clients({"AWS_REGION": "eu-west-1"}).of("sqs").meta.region_name == "eu-west-1"
    assert Clients({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-2"}).of("sqs").meta.region_name == "eu-west-2"


@pytest.mark.usefixtures("nowhere")
def test_emulator_has_a_default_region(endpoint: socket.socket) -> None:
    there = {"AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"]}
    assert Clients(there).of("sqs").meta.region_name == Clients(there).of("dynamodb").meta.region_name == "us-east-1"


@pytest.mark.parametrize("service", ["sqs", "dynamodb"])
@pytest.mark.parametrize("endpoint_url", [None, "", "https://sqs.eu-west-1.amazonaws.com"])
@pytest.mark.parametrize(("key", "secret"), [("test", "test"), ("123456789012", "x" * 40), ("A" * 20, "test")])
def test_placeholder_credentials_are_not_sent_to_aws(
    monkeypatch: pytest.MonkeyPatch, service: str, endpoint_url: str | None, key: str, secret: str
) -> None:
    given = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_ENDPOINT_URL": endpoint_url}
    for name, value in given.items():
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured, match="The AWS credentials are placeholders"):
        Clients(NOWHERE).of(service)


def test_placeholder_credentials_of_a_file_are_not_sent_to_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = test\naws_secret_access_key = test\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(Misconfigured, match="The AWS credentials are placeholders"):
        Clients(NOWHERE).of("sqs")


def test_real_looking_credentials_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s" * 40)
    assert Clients(NOWHERE).of("sqs").meta.endpoint_url == "https://sqs.us-east-1.amazonaws.com"


@pytest.mark.usefixtures("nowhere")
def test_missing_region_names_the_setting() -> None:
    with pytest.raises(Misconfigured, match="Set AWS_REGION"):
        Clients({}).of("sqs")


@pytest.mark.parametrize(("transport", "by_botocore"), [(None, []), ("", []), ("fast", []), ("boto3", [1, 2])])
def test_calls_bypass_botocore_unless_its_transport_is_set(
    endpoint: socket.socket, monkeypatch: pytest.MonkeyPatch, transport: str | None, by_botocore: list[int]
) -> None:
    env = NOWHERE if transport is None else NOWHERE | {"SHOP_TRANSPORT": transport}
    client = Clients(env).of("dynamodb", clients.ONE_SHOT._replace(read=0.05))
    steps: list[int] = []
    session = client._endpoint.http_session
    send = session.send

    def counted(request: Any) -> Any:
        steps.append(2)
        return send(request)

    monkeypatch.setattr(session, "send", counted)
    client.meta.events.register("request-created", lambda **_: steps.append(1))  # only botocore's endpoint emits it
    with pytest.raises(ReadTimeoutError):
        client.get_item(TableName="table", Key={"id": "1"})
    assert steps == by_botocore


def test_unknown_transport_is_rejected() -> None:
    with pytest.raises(Misconfigured, match="set it to fast or boto3"):
        Clients({"SHOP_TRANSPORT": "slow"})


@pytest.mark.parametrize(
    ("given", "timeouts", "read"),
    [("", clients.REQUEST, 1), ("4", clients.REQUEST, 4), ("4", clients.RELAY, 10), ("20", clients.LONG_POLL, 25)],
)
def test_a_setting_lengthens_the_wait_for_a_slow_answer(
    endpoint: socket.socket, given: str, timeouts: Timeouts, read: float
) -> None:
    client = Clients(NOWHERE | {"SHOP_AWS_TIMEOUT": given}).of("sqs", timeouts)
    assert client.meta.config.read_timeout == read


@pytest.mark.parametrize("text", ["-1", "0.5", "21", "1e9", "nan", "long", "5 s"])
def test_time_out_that_is_no_number_of_seconds_is_rejected(text: str) -> None:
    with pytest.raises(Misconfigured, match="set it to whole seconds, at most 20"):
        Clients({"SHOP_AWS_TIMEOUT": text})


@pytest.mark.parametrize("service", ["dynamodb", "events"])
def test_the_user_agent_is_fixed(endpoint: socket.socket, service: str) -> None:
    agent = Clients(NOWHERE).of(service).meta.config.user_agent
    assert agent.startswith(f"shopwire boto3/{boto3.__version__}")


def attempts(client: Any) -> list[object]:
    """A list that gets one entry for each attempt that is sent from now on."""
    sent: list[object] = []

    def note(caught_exception: Exception | None, **_: object) -> None:
        if not isinstance(caught_exception, DeadlineExceeded):
            sent.append(caught_exception)

    client.meta.events.register_first("needs-retry", note)
    return sent


@pytest.mark.usefixtures("on_both")
def test_endpoint_that_never_answers_is_unavailable_after_two_attempts(endpoint: socket.socket) -> None:
    client = Clients(NOWHERE).of("dynamodb")
    sent = attempts(client)
    started = time.monotonic()
    with pytest.raises(Unavailable), errors.unavailable("DynamoDB"):
        client.get_item(TableName="table", Key={"id": "1"})
    assert len(sent) == 2
    assert time.monotonic() - started > 1.9  # each of the two takes one second


@pytest.mark.usefixtures("on_both")
def test_no_call_is_sent_after_the_deadline(endpoint: socket.socket) -> None:
    client = Clients(NOWHERE).of("dynamodb")
    deadline.start(0)
    with pytest.raises(Unavailable), errors.unavailable("DynamoDB"):
        client.get_item(TableName="table", Key={"id": "1"})
    endpoint.settimeout(0.05)
    with pytest.raises(TimeoutError):
        endpoint.accept()


@pytest.mark.usefixtures("on_both")
def test_closed_endpoint_is_unavailable(monkeypatch: pytest.MonkeyPatch, endpoint: socket.socket) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable), errors.unavailable("DynamoDB"):
        Clients(NOWHERE).of("dynamodb").get_item(TableName="table", Key={"id": "1"})
