import contextvars
import json
import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from botocore.exceptions import HTTPClientError

from chassis.aws import clients, transport
from chassis.aws.clients import Clients
from chassis.aws.transport import DeadlineExceeded, Transport, bounded
from chassis.core import deadline, logs
from chassis.core.errors import Refused, Unavailable
from tests import scripted
from tests.scripted import answer, refusal

ENV = {"AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def read(dynamodb: Any) -> Any:
    with clients.unavailable("DynamoDB"):
        return dynamodb.get_item(TableName="table", Key={"id": "1"})


# ── Every wait of a request ends ──


def test_a_call_that_hangs_is_given_up_once_the_deadline_and_an_attempt_are_over() -> None:
    hung = threading.Event()
    deadline.start(0.1)
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        bounded(hung.wait, 0.1)(30)
    assert 0.2 <= time.monotonic() - began < 15
    hung.set()


def test_an_attempt_after_the_deadline_is_not_sent() -> None:
    """Also the second attempt of botocore, which asks for its own."""
    sent: list[Any] = []
    send = Transport(SimpleNamespace(send=sent.append)).send
    deadline.start(0)
    with pytest.raises(DeadlineExceeded):
        send(SimpleNamespace(context={}))
    assert sent == []


def test_without_a_deadline_a_call_stays_in_its_thread() -> None:
    assert bounded(threading.get_ident, 1.0)() == threading.get_ident()
    deadline.start(5)
    assert bounded(threading.get_ident, 1.0)() != threading.get_ident()


def test_a_call_in_another_thread_has_the_deadline_and_the_correlation_id_of_its_request() -> None:
    deadline.start(5)
    logs.correlate("c-1")
    left, correlation_id = bounded(lambda: (deadline.remaining(), logs.correlation_id()), 1.0)()
    assert (0 < left <= 5, correlation_id) == (True, "c-1")


@pytest.mark.parametrize("seconds", [5, math.inf])
@pytest.mark.parametrize("error", [RuntimeError("still expired"), KeyError("Token"), AttributeError("items")])
def test_the_built_in_errors_of_botocore_are_no_answer_and_no_bug_of_ours(seconds: float, error: Exception) -> None:
    def fail() -> None:
        raise error

    deadline.start(seconds)
    with pytest.raises(HTTPClientError) as raised:
        bounded(fail, 1.0)()
    assert raised.value.__cause__ is error


def test_a_call_that_finds_no_thread_is_given_up_and_never_made() -> None:
    over, made = threading.Event(), []

    def ask(call: Callable[[], object]) -> None:
        deadline.start(0.2)
        with pytest.raises(DeadlineExceeded):
            bounded(call, 0.1)()

    crowd = [
        threading.Thread(target=contextvars.copy_context().run, args=(ask, over.wait)) for _ in range(transport.WAITING)
    ]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    ask(lambda: made.append(1))
    over.set()
    deadline.start(30)
    bounded(lambda: None, 1.0)()  # the threads are free again, and the call of before is not in the queue
    assert made == []


@pytest.mark.usefixtures("keys")
def test_an_answer_that_comes_byte_by_byte_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted.playing(answer(), drip=0.3) as script:
        monkeypatch.setenv("AWS_ENDPOINT_URL", script.url)
        dynamodb = Clients(ENV).of("dynamodb")
        deadline.start(0.2)
        began = time.monotonic()
        with pytest.raises(Unavailable):
            read(dynamodb)
        assert time.monotonic() - began < 15  # all of it would take a minute


def credentials(minutes: float) -> bytes:
    expiry = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    keys = {"AccessKeyId": "AKIA", "SecretAccessKey": "secret", "Token": "token", "Expiration": expiry}
    return answer(json.dumps(keys).encode())


@pytest.fixture
def in_a_container(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Credentials come from the endpoint at that URL, as on ECS."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    return lambda url: monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)


def test_credentials_that_do_not_come_are_not_waited_for(
    in_a_container: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with scripted.playing(credentials(minutes=5), b"") as endpoint, scripted.playing(answer()) as dynamodb:
        in_a_container(endpoint.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL", dynamodb.url)
        client = Clients(ENV).of("dynamodb")
        deadline.start(0.2)
        began = time.monotonic()
        with pytest.raises(Unavailable):
            read(client)
        assert time.monotonic() - began < 15  # botocore tries for 9 s, twice


@pytest.mark.parametrize("told", [credentials(minutes=-5), answer(b"{}"), answer(b"none", 500)])
@pytest.mark.parametrize("seconds", [5, math.inf])
def test_credentials_that_come_expired_or_not_at_all_are_no_bug_of_ours(
    in_a_container: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, told: bytes, seconds: float
) -> None:
    with scripted.playing(credentials(minutes=5), told) as endpoint, scripted.playing(answer()) as dynamodb:
        in_a_container(endpoint.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL", dynamodb.url)
        client = Clients(ENV).of("dynamodb")
        deadline.start(seconds)
        with pytest.raises(Unavailable):
            read(client)


# ── Whose clock is right ──


class Session:
    """Answers as AWS does, whose clock is `ahead` of ours by so many seconds."""

    def __init__(self, ahead: float = 0) -> None:
        self._ahead = ahead

    def send(self, request: Any) -> Any:
        date = datetime.now(UTC) + timedelta(seconds=self._ahead)
        headers = {"Content-Type": scripted.TYPE, "Date": date.strftime("%a, %d %b %Y %H:%M:%S GMT")}
        return SimpleNamespace(status_code=200, content=b"{}", headers=headers)


def warnings(session: Any, calls: int = 1) -> list[int]:
    sender = Transport(session)
    with structlog.testing.capture_logs() as logged:
        for _ in range(calls):
            sender.send(SimpleNamespace(context={}))
    return [line["seconds_ahead"] for line in logged]


@pytest.mark.parametrize("ahead", [-24 * 3600, -300, 300, 24 * 3600])
def test_a_clock_that_differs_from_that_of_aws_is_told_once_in_a_while(ahead: int) -> None:
    (told,) = warnings(Session(ahead), calls=3)
    assert -ahead - 5 <= told <= -ahead + 30


def test_a_clock_that_is_right_is_not_told() -> None:
    assert warnings(Session()) == []


@pytest.mark.parametrize("date", [None, "", "yesterday", "Thu, 99 Nov 2026 01:00:00 GMT"])
def test_an_answer_without_a_date_tells_nothing(date: str | None) -> None:
    class Undated(Session):
        def send(self, request: Any) -> Any:
            told = super().send(request)
            told.headers = {"Content-Type": scripted.TYPE} | ({} if date is None else {"Date": date})
            return told

    assert warnings(Undated()) == []


@pytest.mark.usefixtures("keys")
def test_a_signature_that_aws_refuses_for_the_clock_is_told_with_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    late = answer(refusal("RequestExpired").partition(b"\r\n\r\n")[2], 400, Date="Thu, 26 Nov 2020 01:00:00 GMT")
    with scripted.playing(late) as script, structlog.testing.capture_logs() as logged:
        monkeypatch.setenv("AWS_ENDPOINT_URL", script.url)
        with pytest.raises(Refused):
            read(Clients(ENV).of("dynamodb"))
    assert [line["event"] for line in logged] == ["the clock of this machine differs from that of AWS"]
