import os
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    MetadataRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

from chassis.aws import clients
from chassis.aws.clients import Clients
from chassis.aws.transport import DeadlineExceeded
from chassis.core import deadline
from chassis.core.errors import Misconfigured, Refused, Unavailable
from chassis.messaging import queue
from chassis.web import app
from tests.machine import free_port

NOWHERE = {"AWS_DEFAULT_REGION": "us-east-1"}


def error(code: str, status: int = 400, *, unanswered: bool = False) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status, "Unanswered": unanswered}}
    return ClientError(answer, "Operation")  # type: ignore[arg-type] # the parts that are read


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """A socket that boto3 takes for AWS: it listens, and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        yield listener


@pytest.mark.parametrize("timeouts", [clients.REQUEST, clients.ONE_SHOT, clients.LONG_POLL])
def test_time_outs_and_attempts_are_pinned(timeouts: clients.Timeouts, endpoint: socket.socket) -> None:
    config = Clients(NOWHERE).of("events", timeouts).meta.config
    assert (config.connect_timeout, config.read_timeout) == (timeouts.connect, timeouts.read)
    assert config.retries == {"mode": "standard", "total_max_attempts": timeouts.attempts}


def test_one_attempt_of_publishing_ends_within_a_second() -> None:
    assert clients.ONE_SHOT.attempts * (clients.ONE_SHOT.connect + clients.ONE_SHOT.read) <= 1


def test_an_attempt_begun_just_before_the_deadline_still_ends_within_five_seconds() -> None:
    assert app.DEADLINE + clients.REQUEST.connect + clients.REQUEST.read <= 5


def test_a_long_poll_is_outlasted_and_asked_once() -> None:
    assert queue.WAIT < clients.LONG_POLL.read < queue.WAIT + 10
    assert (clients.LONG_POLL.connect, clients.LONG_POLL.attempts) == (0.5, 1)


def test_the_region_may_come_by_either_name(endpoint: socket.socket) -> None:
    assert Clients({"AWS_REGION": "eu-west-1"}).of("sqs").meta.region_name == "eu-west-1"
    assert Clients({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-2"}).of("sqs").meta.region_name == "eu-west-2"


@pytest.mark.usefixtures("nowhere")
def test_an_emulator_needs_no_region(endpoint: socket.socket) -> None:
    there = {"AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"]}
    assert Clients(there).of("sqs").meta.region_name == Clients(there).of("dynamodb").meta.region_name == "us-east-1"


@pytest.mark.parametrize("service", ["sqs", "dynamodb"])
@pytest.mark.parametrize("endpoint_url", [None, "", "https://sqs.eu-west-1.amazonaws.com"])
@pytest.mark.parametrize(("key", "secret"), [("test", "test"), ("123456789012", "x" * 40), ("A" * 20, "test")])
def test_made_up_credentials_are_not_sent_to_aws(
    monkeypatch: pytest.MonkeyPatch, service: str, endpoint_url: str | None, key: str, secret: str
) -> None:
    given = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_ENDPOINT_URL": endpoint_url}
    for name, value in given.items():
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    with pytest.raises(Misconfigured, match="These AWS credentials are made up"):
        Clients(NOWHERE).of(service)


def test_made_up_credentials_of_a_file_are_not_sent_to_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = test\naws_secret_access_key = test\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(Misconfigured, match="These AWS credentials are made up"):
        Clients(NOWHERE).of("sqs")


def test_credentials_that_aws_could_have_made_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s" * 40)
    assert Clients(NOWHERE).of("sqs").meta.endpoint_url == "https://sqs.us-east-1.amazonaws.com"


@pytest.mark.usefixtures("nowhere")
def test_without_a_region_it_is_said_what_to_set() -> None:
    with pytest.raises(Misconfigured, match="set AWS_REGION"):
        Clients({}).of("sqs")


def attempts(client: Any) -> list[object]:
    """Grows by one with each attempt that is sent from now on."""
    sent: list[object] = []

    def note(exception: Exception | None, **_: object) -> None:
        if not isinstance(exception, DeadlineExceeded):
            sent.append(exception)

    client.meta.events.register("response-received", note)
    return sent


def test_a_black_hole_is_unavailable_within_the_time_of_two_attempts(endpoint: socket.socket) -> None:
    client = Clients(NOWHERE).of("dynamodb")
    sent = attempts(client)
    started = time.monotonic()
    with pytest.raises(Unavailable), clients.unavailable("DynamoDB"):
        client.get_item(TableName="table", Key={"id": "1"})
    assert len(sent) == 2
    assert time.monotonic() - started > 1.9  # the two take one second each


def test_past_the_deadline_nothing_is_sent(endpoint: socket.socket) -> None:
    client = Clients(NOWHERE).of("dynamodb")
    deadline.start(0)
    with pytest.raises(Unavailable), clients.unavailable("DynamoDB"):
        client.get_item(TableName="table", Key={"id": "1"})
    endpoint.settimeout(0.05)
    with pytest.raises(TimeoutError):
        endpoint.accept()


def test_nobody_listening_is_unavailable(monkeypatch: pytest.MonkeyPatch, endpoint: socket.socket) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Unavailable), clients.unavailable("DynamoDB"):
        Clients(NOWHERE).of("dynamodb").get_item(TableName="table", Key={"id": "1"})


@pytest.mark.parametrize(
    "code",
    [
        "AccessDeniedException", "ExpiredTokenException", "IncompleteSignature", "InvalidClientTokenId",
        "InvalidSignatureException", "LimitExceededException", "MissingAuthenticationTokenException", "OptInRequired",
        "ProvisionedThroughputExceededException", "RequestExpired", "RequestLimitExceeded", "ResourceNotFoundException",
        "SignatureDoesNotMatch", "ThrottlingException", "TransactionConflictException", "UnrecognizedClientException",
        "a code of next year", "302", "403", "",
    ],
)  # fmt: skip
def test_whatever_else_is_refused_is_not_now_and_surely_not_done(code: str) -> None:
    cause = error(code)
    with pytest.raises(Refused, match="DynamoDB") as raised, clients.unavailable("DynamoDB"):
        raise cause
    assert raised.value.__cause__ is cause


@pytest.mark.parametrize(
    "cause",
    [
        error("InternalServerError", 500),
        error("ValidationException", 500),
        error("?", 503),
        error("IdempotentParameterMismatchException"),
        error("TransactionInProgressException"),
        error("ThrottlingException", unanswered=True),
        NoCredentialsError(),
        PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
        CredentialRetrievalError(provider="container-role", error_msg="refused"),
        MetadataRetrievalError(error_msg="refused"),
        TokenRetrievalError(provider="sso", error_msg="expired"),
        UnauthorizedSSOTokenError(),
    ],
    ids=repr,
)
def test_without_a_proper_answer_it_is_unavailable_and_may_have_happened(cause: Exception) -> None:
    with pytest.raises(Unavailable, match="DynamoDB") as raised, clients.unavailable("DynamoDB"):
        raise cause
    assert not isinstance(raised.value, Refused)
    assert raised.value.__cause__ is cause


@pytest.mark.parametrize(
    "cause",
    [
        error("ConditionalCheckFailedException"),
        error("SerializationException"),
        error("TransactionCanceledException"),
        error("ValidationException"),
        ParamValidationError(report="a bug"),
        KeyError("a bug"),
    ],
    ids=repr,
)
def test_any_other_error_passes(cause: Exception) -> None:
    with pytest.raises(type(cause)), clients.unavailable("DynamoDB"):
        raise cause


@pytest.mark.integration
def test_the_row_that_a_failed_condition_met_is_told(stack: Mapping[str, str]) -> None:
    client = Clients(stack).of("dynamodb")
    row = {"id": "1", "version": 3, "tags": ["a"]}
    client.put_item(TableName="shop-product", Item=row)
    put = {"TableName": "shop-product", "Item": row, "ConditionExpression": "attribute_not_exists(id)"}
    with pytest.raises(ClientError) as error:
        client.put_item(**put, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert clients.is_condition_failure(error.value)
    assert clients.old_item(error.value) == row


def test_a_condition_that_failed_on_an_absent_row_tells_of_none() -> None:
    assert clients.old_item(error("ConditionalCheckFailedException")) == {}
