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

from chassis.aws import errors, transport
from chassis.aws.clients import Clients
from chassis.aws.transport import DeadlineExceeded, Transport, bounded, with_botocore_errors
from chassis.core import deadline, logs
from chassis.core.errors import Refused, Unavailable
from tests import scripted
from tests.scripted import answer, refusal

ENV = {"AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture(params=["fast", "boto3"])
def on_both(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENV, "SHOP_TRANSPORT", request.param)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


def read(dynamodb: Any) -> Any:
    with errors.unavailable("DynamoDB"):
        return dynamodb.get_item(TableName="table", Key={"id": "1"})


# ── Every wait is limited ──


def test_hanging_call_is_abandoned_one_attempt_after_the_deadline() -> None:
    hung = threading.Event()
    deadline.start(0.1)
    began = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        bounded(hung.wait, 0.1)(30)
    assert 0.2 <= time.monotonic() - began < 15
    hung.set()


def test_no_attempt_is_sent_after_the_deadline() -> None:
    """This also covers botocore's second attempt, which calls `send` again."""
    sent: list[Any] = []
    send = Transport(SimpleNamespace(send=sent.append)).send
    deadline.start(0)
    with pytest.raises(DeadlineExceeded):
        send(SimpleNamespace(context={}))
    assert sent == []


def test_call_without_a_deadline_runs_in_its_own_thread() -> None:
    assert bounded(threading.get_ident, 1.0)() == threading.get_ident()
    deadline.start(5)
    assert bounded(threading.get_ident, 1.0)() != threading.get_ident()


def test_call_in_another_thread_keeps_deadline_and_correlation_id() -> None:
    deadline.start(5)
    logs.correlate("c-1")
    left, correlation_id = bounded(lambda: (deadline.remaining(), logs.correlation_id()), 1.0)()
    assert (0 < left <= 5, correlation_id) == (True, "c-1")


@pytest.mark.parametrize("seconds", [5, math.inf])
@pytest.mark.parametrize("error", [RuntimeError("still expired"), KeyError("Token"), AttributeError("items")])
def test_built_in_errors_of_botocore_become_client_errors(seconds: float, error: Exception) -> None:
    def fail() -> None:
        raise error

    deadline.start(seconds)
    with pytest.raises(HTTPClientError) as raised:
        bounded(with_botocore_errors(fail), 1.0)()
    assert raised.value.__cause__ is error


def test_call_without_a_free_thread_is_abandoned_and_never_sent() -> None:
    over, made = threading.Event(), []

    def ask(call: Callable[[], object]) -> None:
        deadline.start(0.2)
        with pytest.raises(DeadlineExceeded):
            bounded(call, 0.1)()

    crowd = [
        threading.Thread(target=contextvars.copy_context().run, args=(ask, over.wait))
        for _ in range(transport.MAX_CALLS)
    ]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    ask(lambda: made.append(1))
    over.set()
    deadline.start(30)
    bounded(lambda: None, 1.0)()  # the threads are free again, and the cancelled call is not in the queue
    assert made == []


@pytest.mark.usefixtures("keys", "on_both")
def test_slow_response_is_abandoned_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted.playing(answer(), drip=0.3) as script:
        monkeypatch.setenv("AWS_ENDPOINT_URL", script.url)
        dynamodb = Clients(ENV).of("dynamodb")
        deadline.start(0.2)
        began = time.monotonic()
        with pytest.raises(Unavailable):
            read(dynamodb)
        assert time.monotonic() - began < 15  # the whole response takes a minute


def credentials(minutes: float) -> bytes:
    expiry = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    keys = {"AccessKeyId": "AKIA", "SecretAccessKey": "secret", "Token": "token", "Expiration": expiry}
    return answer(json.dumps(keys).encode())


@pytest.fixture
def in_a_container(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes boto3 get credentials from the endpoint at a URL, as on ECS."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    return lambda url: monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)


@pytest.mark.usefixtures("on_both")
def test_hanging_credentials_endpoint_is_abandoned_at_the_deadline(
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
        assert time.monotonic() - began < 15  # botocore tries twice, 9 s each


@pytest.mark.usefixtures("on_both")
@pytest.mark.parametrize("told", [credentials(minutes=-5), answer(b"{}"), answer(b"none", 500)])
@pytest.mark.parametrize("seconds", [5, math.inf])
def test_expired_or_missing_credentials_are_unavailable(
    in_a_container: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, told: bytes, seconds: float
) -> None:
    with scripted.playing(credentials(minutes=5), told) as endpoint, scripted.playing(answer()) as dynamodb:
        in_a_container(endpoint.url)
        monkeypatch.setenv("AWS_ENDPOINT_URL", dynamodb.url)
        client = Clients(ENV).of("dynamodb")
        deadline.start(seconds)
        with pytest.raises(Unavailable):
            read(client)


# ── Clock skew ──


class Session:
    """Responds as AWS with a clock that is `ahead` seconds ahead of this machine."""

    def __init__(self, ahead: float = 0) -> None:
        self._ahead = ahead

    def send(self, request: Any) -> Any:
        date = datetime.now(UTC) + timedelta(seconds=self._ahead)
        headers = {"content-type": scripted.TYPE, "date": date.strftime("%a, %d %b %Y %H:%M:%S GMT")}
        return SimpleNamespace(status_code=200, content=b"{}", headers=headers)


def warnings(session: Any, calls: int = 1) -> list[int]:
    sender = Transport(session)
    with structlog.testing.capture_logs() as logged:
        for _ in range(calls):
            sender.send(SimpleNamespace(context={}))
    return [line["seconds_ahead"] for line in logged]


@pytest.mark.parametrize("ahead", [-24 * 3600, -300, 300, 24 * 3600])
def test_clock_skew_is_logged_once_per_interval(ahead: int) -> None:
    (told,) = warnings(Session(ahead), calls=3)
    assert -ahead - 5 <= told <= -ahead + 30


def test_correct_clock_logs_nothing() -> None:
    assert warnings(Session()) == []


@pytest.mark.parametrize("date", [None, "", "yesterday", "Thu, 99 Nov 2026 01:00:00 GMT"])
def test_response_without_a_date_logs_nothing(date: str | None) -> None:
    class Undated(Session):
        def send(self, request: Any) -> Any:
            told = super().send(request)
            told.headers = {"content-type": scripted.TYPE} | ({} if date is None else {"date": date})
            return told

    assert warnings(Undated()) == []


@pytest.mark.usefixtures("keys", "on_both")
def test_clock_skew_is_logged_for_a_rejected_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    late = answer(refusal("RequestExpired").partition(b"\r\n\r\n")[2], 400, Date="Thu, 26 Nov 2020 01:00:00 GMT")
    with scripted.playing(late) as script, structlog.testing.capture_logs() as logged:
        monkeypatch.setenv("AWS_ENDPOINT_URL", script.url)
        with pytest.raises(Refused):
            read(Clients(ENV).of("dynamodb"))
    assert [line["event"] for line in logged] == ["clock of this machine differs from AWS"]
