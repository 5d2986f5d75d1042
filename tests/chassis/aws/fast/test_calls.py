"""Which calls the transport makes, and how: `served` counts those that botocore made itself."""

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, NoCredentialsError, ReadTimeoutError
from botocore.session import Session, get_session
from botocore.stub import Stubber

from chassis.aws.fast import attach, calls, operations
from chassis.aws.fast.http1 import Response
from chassis.aws.transport import DeadlineExceeded
from chassis.core import deadline
from tests import scripted
from tests.scripted import Script, answer, refusal

KEY = {"id": "1"}
BUSY = Response(400, {"content-type": scripted.TYPE}, b'{"__type":"ThrottlingException"}', last=False)
FINE = Response(200, {"content-type": scripted.TYPE}, b"{}", last=False)


@pytest.fixture
def script() -> Iterator[Script]:
    with scripted.playing(answer()) as playing:
        yield playing


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    return get_session()


def attached(session: Session, url: str, service: str = "dynamodb", **options: Any) -> Any:
    client = of_boto3(session, url, service, **options)
    attach.attach(client, session, 30, 30)
    return client


def of_boto3(session: Session, url: str, service: str = "dynamodb", **options: Any) -> Any:
    config = Config(retries={"mode": "standard", "total_max_attempts": 2}, **options)
    made = boto3.Session(botocore_session=session)
    if service == "dynamodb":
        return made.resource("dynamodb", "us-east-1", endpoint_url=url, config=config).meta.client
    return session.create_client(service, "us-east-1", endpoint_url=url, config=config)


def is_fast(client: Any) -> bool:
    """Whether a read by this client did not reach botocore's endpoint, which alone emits the event."""
    seen: list[object] = []
    client.meta.events.register("request-created", lambda **_: seen.append(1))
    client.get_item(TableName="t", Key=KEY)
    return not seen


def test_a_call_is_made_without_botocores_endpoint(session: Session, script: Script) -> None:
    assert is_fast(attached(session, script.url))
    assert script.calls == ["GetItem"]


def test_no_proxy_alone_is_no_proxy(session: Session, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "elsewhere.test")
    assert is_fast(attached(session, script.url))


def test_a_proxy_of_another_scheme_is_none(session: Session, script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    assert is_fast(attached(session, script.url))


def test_what_goes_through_a_proxy_is_botocores(
    session: Session, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", script.url)
    assert not is_fast(attached(session, "http://dynamodb.test"))
    assert script.calls == ["GetItem"]


def test_a_path_in_the_endpoint_is_botocores(session: Session, script: Script) -> None:
    assert not is_fast(attached(session, f"{script.url}/path"))


def test_another_signature_is_botocores(session: Session, script: Script) -> None:
    from botocore import UNSIGNED  # noqa: PLC0415 its type is nowhere

    assert not is_fast(attached(session, script.url, signature_version=UNSIGNED))


def test_another_protocol_is_botocores(session: Session, script: Script) -> None:
    script.answers = [answer(b"<a><ListTopicsResult/></a>", Content_Type="text/xml", x_amz_crc32="")]
    seen: list[object] = []
    client = attached(session, script.url, "sns")
    client.meta.events.register("request-created", lambda **_: seen.append(1))
    client.list_topics()
    assert seen == [1]


def test_a_stubber_is_asked_first(session: Session, script: Script) -> None:
    client = attached(session, script.url)
    with Stubber(client) as stubber:
        stubber.add_response("get_item", {"Item": {"id": {"S": "1"}}})
        assert client.get_item(TableName="t", Key=KEY)["Item"] == KEY
    assert script.calls == []


def test_without_credentials_nothing_is_sent(session: Session, script: Script) -> None:
    client = of_boto3(session, script.url)
    made: Any = calls.Calls(client, calls.Keys(None, 30).frozen, SimpleNamespace())  # type: ignore[arg-type] # is not asked
    operations.Operations(client, made, client._make_api_call)
    with pytest.raises(NoCredentialsError):
        client.get_item(TableName="t", Key=KEY)
    assert script.calls == []


class Fake:
    """Answers in `before-send`; what it is given to answer it answers once, an exception by raising it."""

    def __init__(self, client: Any, *answers: Any) -> None:
        self._answers = [*answers]
        self.requests: list[Any] = []
        client.meta.events.register("before-send", self.answer)

    def answer(self, request: Any, **_: Any) -> Any:
        self.requests.append(request)
        told = self._answers.pop(0)
        if isinstance(told, Exception):
            raise told
        return told


def test_before_send_is_emitted_before_each_attempt(session: Session) -> None:
    client = attached(session, "http://nowhere.test")
    fake = Fake(client, ReadTimeoutError(endpoint_url=""), FINE)
    told = client.get_item(TableName="t", Key=KEY)
    assert len(fake.requests) == 2
    assert told["ResponseMetadata"]["RetryAttempts"] == 1
    assert fake.requests[0].url == "http://nowhere.test/"
    assert fake.requests[0].headers["X-Amz-Target"] == "DynamoDB_20120810.GetItem"
    assert b'"TableName": "t"' in fake.requests[0].body


def test_needs_retry_decides_about_the_next_attempt_even_without_a_delay(session: Session) -> None:
    client = attached(session, "http://nowhere.test")
    fake = Fake(client, BUSY, BUSY, FINE)
    asked: list[tuple[int, Any]] = []

    def again(attempts: int, response: Any, caught_exception: Any, **_: Any) -> float | bool:
        asked.append((attempts, caught_exception))
        return 0.0 if attempts < 3 else False

    client.meta.events.register_first("needs-retry.dynamodb.GetItem", again)
    told = client.get_item(TableName="t", Key=KEY)
    assert asked == [(1, None), (2, None), (3, None)]
    assert (len(fake.requests), told["ResponseMetadata"]["RetryAttempts"]) == (3, 2)


def test_each_attempt_is_signed_anew_with_the_credentials_of_now(session: Session) -> None:
    client = attached(session, "http://nowhere.test")
    fake = Fake(client, ReadTimeoutError(endpoint_url=""), FINE)
    credentials: Any = session.get_credentials()
    client.meta.events.register("needs-retry", lambda **_: setattr(credentials, "access_key", "rotated"))
    client.get_item(TableName="t", Key=KEY)
    assert ["Credential=test/" in sent.headers["Authorization"] for sent in fake.requests] == [True, False]
    assert "Credential=rotated/" in fake.requests[1].headers["Authorization"]


def test_a_temporary_credentials_token_is_sent(session: Session) -> None:
    client = attached(session, "http://nowhere.test")
    credentials: Any = session.get_credentials()
    credentials.token = "token"
    fake = Fake(client, FINE)
    client.get_item(TableName="t", Key=KEY)
    assert fake.requests[0].headers["X-Amz-Security-Token"] == "token"


def test_a_later_call_has_the_key_and_token_of_its_time(session: Session) -> None:
    client = attached(session, "http://nowhere.test")
    credentials: Any = session.get_credentials()
    credentials.token = "old"
    fake = Fake(client, FINE, FINE, FINE)
    client.get_item(TableName="t", Key=KEY)
    credentials.access_key, credentials.token = "rotated", "new"
    client.get_item(TableName="t", Key=KEY)
    credentials.token = None
    client.get_item(TableName="t", Key=KEY)
    assert [each.headers.get("X-Amz-Security-Token") for each in fake.requests] == ["old", "new", None]
    assert "Credential=rotated/" in fake.requests[1].headers["Authorization"]


def test_the_certificate_authorities_are_those_that_boto3_would_trust(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted: list[str] = []
    monkeypatch.setattr(attach, "Connections", lambda _connect, _read, authorities: trusted.append(authorities))
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    attached(session, "https://there.test")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/of/requests.pem")
    attached(get_session(), "https://there.test")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/of/aws.pem")
    attached(get_session(), "https://there.test")
    assert trusted[0].endswith("cacert.pem")
    assert trusted[1:] == ["/of/requests.pem", "/of/aws.pem"]


def test_an_error_that_is_not_botocores_is_raised_at_once(session: Session) -> None:
    client = attached(session, "http://nowhere.test")
    fake = Fake(client, KeyError("a bug"), FINE)
    with pytest.raises(KeyError):
        client.get_item(TableName="t", Key=KEY)
    assert len(fake.requests) == 1


def test_a_refusal_has_the_members_of_its_own_type(session: Session, script: Script) -> None:
    script.answers = [refusal("TransactionCanceledException", CancellationReasons=[{"Code": "None"}])]
    client = attached(session, script.url)
    with pytest.raises(client.exceptions.TransactionCanceledException) as error:
        client.transact_write_items(TransactItems=[{"Put": {"TableName": "t", "Item": KEY}}])
    assert error.value.response["CancellationReasons"] == [{"Code": "None"}]


@pytest.fixture
def in_a_request() -> Iterator[None]:
    before = deadline.remaining()
    deadline.start(5)
    yield
    deadline.start(before)


@pytest.mark.usefixtures("in_a_request")
def test_a_call_with_a_deadline_stays_in_its_thread(session: Session) -> None:
    threads: list[int] = []

    def answer_here(**_: Any) -> Response:
        threads.append(threading.get_ident())
        return FINE

    client = attached(session, "http://nowhere.test")
    client.meta.events.register("before-send", answer_here)
    client.get_item(TableName="t", Key=KEY)
    assert threads == [threading.get_ident()]


@pytest.mark.usefixtures("in_a_request")
def test_credentials_that_must_be_fetched_are_fetched_in_another_thread() -> None:
    stale = SimpleNamespace(refresh_needed=lambda _=900: True, get_frozen_credentials=threading.get_ident)
    fresh = SimpleNamespace(refresh_needed=lambda _=900: False, get_frozen_credentials=threading.get_ident)
    elsewhere: Any = calls.Keys(stale, 1).frozen()
    here: Any = calls.Keys(fresh, 1).frozen()
    assert elsewhere != here == threading.get_ident()


class Role:
    """Credentials that expire `left` seconds from now. Fetching new ones takes until `answers` is set."""

    def __init__(self, left: int) -> None:
        self.left, self.fetched, self.answers = left, 0, threading.Event()
        self._frozen_credentials = "number 0"

    def refresh_needed(self, within: int = 900) -> bool:
        return self.left < within

    def get_frozen_credentials(self) -> str:
        if self.refresh_needed():
            self.fetched += 1
            assert self.answers.wait(10)
            self.left, self._frozen_credentials = 3600, f"number {self.fetched}"
        return self._frozen_credentials


@pytest.mark.usefixtures("in_a_request")
def test_nobody_waits_for_new_credentials_while_the_former_are_valid() -> None:
    role = Role(3600)
    keys: Any = calls.Keys(role, 1)
    assert keys.frozen() == "number 0"
    role.left = 840
    assert [keys.frozen() for _ in range(3)] == ["number 0"] * 3
    role.answers.set()
    keys._renewal.result(10)
    assert (keys.frozen(), role.fetched) == ("number 1", 1)


@pytest.mark.usefixtures("in_a_request")
def test_a_client_that_was_idle_uses_the_credentials_that_another_client_fetched() -> None:
    role = Role(3600)
    role.answers.set()
    idle, busy = (calls.Keys(role, 1) for _ in range(2))
    idle.frozen()
    role.left = 0
    assert busy.frozen() == "number 1"  # type: ignore[comparison-overlap] # a fake's
    role.left = 840
    role.answers.clear()
    assert idle.frozen() == "number 1"  # type: ignore[comparison-overlap] # a fake's
    role.answers.set()


@pytest.mark.usefixtures("in_a_request")
def test_credentials_that_expire_within_a_minute_are_not_used() -> None:
    role = Role(3600)
    keys: Any = calls.Keys(role, 0.1)
    keys.frozen()
    role.left = 59
    deadline.start(0)
    with pytest.raises(DeadlineExceeded):
        keys.frozen()
    role.answers.set()


@pytest.mark.usefixtures("in_a_request")
def test_no_attempt_follows_a_pause_that_is_longer_than_what_is_left(session: Session) -> None:
    client = attached(session, "http://nowhere.test")
    fake = Fake(client, BUSY, FINE)
    client.meta.events.register_first("needs-retry.dynamodb.GetItem", lambda **_: 60.0)
    with pytest.raises(ClientError):
        client.get_item(TableName="t", Key=KEY)
    assert len(fake.requests) == 1
