"""What either transport makes of the same answers: the same result or error, after as many attempts."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from chassis.aws import clients
from chassis.aws.clients import Clients
from tests import scripted
from tests.chassis.aws.test_answers import NOT_AWS
from tests.scripted import TYPE, Script, answer, refusal

Call = Callable[[Clients], Any]
PATIENT = clients.REQUEST._replace(connect=30, read=30)
HASTY = clients.REQUEST._replace(connect=30, read=0.2)
ROW = b'{"Item":{"id":{"S":"1"},"n":{"N":"1.50"},"l":{"L":[{"M":{"a":{"BOOL":true}}}]},"nil":{"NULL":true}}}'
HEAD = f"HTTP/1.1 200 OK\r\nContent-Type: {TYPE}\r\nConnection: close\r\n".encode()
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
NO_QUEUE = answer(
    b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no"}',
    400,
    x_amzn_query_error="AWS.SimpleQueueService.NonExistentQueue;Sender",
)


def get(made: Clients, timeouts: clients.Timeouts = PATIENT) -> Any:
    return made.of("dynamodb", timeouts).get_item(TableName="t", Key={"id": "1"})


def get_hastily(made: Clients) -> Any:
    return get(made, HASTY)


def put(made: Clients) -> Any:
    return made.of("dynamodb", PATIENT).put_item(TableName="t", Item={"id": "1", "b": b"\x00"})


def transact(made: Clients) -> Any:
    put = {"Put": {"TableName": "t", "Item": {"id": "1"}}}
    return made.of("dynamodb", PATIENT).transact_write_items(TransactItems=[put])


def describe(made: Clients) -> Any:
    return made.of("dynamodb", PATIENT).describe_table(TableName="t")


def publish(made: Clients) -> Any:
    entry = {"Source": "s", "DetailType": "d", "Detail": "{}"}
    return made.of("events", PATIENT).put_events(Entries=[entry])


def find_queue(made: Clients) -> Any:
    return made.of("sqs", PATIENT).get_queue_url(QueueName="q")


SCRIPTS: dict[str, tuple[Call, list[bytes]]] = {
    "a row": (get, [answer(ROW)]),
    "no row": (get, [answer(b"{}")]),
    "a null is no member": (get, [answer(b'{"Item":null,"ConsumedCapacity":null}')]),
    "an unknown member": (get, [answer(b'{"Item":{},"New":{"a":1}}')]),
    "binary": (get, [answer(b'{"Item":{"b":{"B":"AAEC"},"s":{"BS":["AAE="]}}}')]),
    "sets": (get, [answer(b'{"Item":{"s":{"SS":["a"]},"n":{"NS":["1"]}}}')]),
    "not ASCII": (get, [answer('{"Item":{"n":{"S":"Müller→"}}}'.encode())]),
    "a time": (describe, [answer(b'{"Table":{"TableName":"t","CreationDateTime":1764115200.5}}')]),
    "a success with an empty body": (put, [answer(b"", x_amz_crc32="0")]),
    "in chunks": (get, [CHUNKED + b"%x\r\n%s\r\n0\r\n\r\n" % (len(ROW), ROW)]),
    "until the end": (get, [HEAD + b"\r\n" + ROW]),
    "of HTTP/1.0": (get, [answer(ROW).replace(b"HTTP/1.1", b"HTTP/1.0")]),
    "after an interim answer": (get, [b"HTTP/1.1 100 Continue\r\n\r\n" + answer(ROW)]),
    "published": (publish, [answer(b'{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}', x_amz_crc32="")]),
    "partly published": (publish, [answer(b'{"FailedEntryCount":1,"Entries":[{"ErrorCode":"e","ErrorMessage":"m"}]}')]),
    "a condition failed": (put, [refusal("ConditionalCheckFailedException", Item={"id": {"S": "1"}})]),
    "a transaction was cancelled": (
        transact,
        [
            refusal(
                "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                CancellationReasons=[{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": {"id": {"S": "1"}}}],
            )
        ],
    ),
    "a conflict": (put, [refusal("TransactionConflictException")]),
    "a transaction in progress": (transact, [refusal("TransactionInProgressException")]),
    "a bug": (put, [refusal("ValidationException")]),
    "not found": (get, [refusal("ResourceNotFoundException")]),
    "no queue": (find_queue, [NO_QUEUE]),
    "no right": (publish, [refusal("AccessDeniedException")]),
    "an expired signature": (get, [refusal("RequestExpired")]),
    "a code of next year": (get, [refusal("NewException", 418)]),
    "an error with a URI": (get, [refusal("ValidationException:http://internal.amazon.com/coral/")]),
    "too busy": (get, [refusal("ThrottlingException")]),
    "too busy, then a row": (get, [refusal("ProvisionedThroughputExceededException"), answer(ROW)]),
    "too many": (get, [refusal("", 429)]),
    "an internal error": (put, [refusal("InternalServerError", 500)]),
    "an internal error, then a row": (get, [refusal("InternalServerError", 500), answer(ROW)]),
    "unavailable, then a condition failed": (
        put,
        [refusal("ServiceUnavailable", 503), refusal("ConditionalCheckFailedException")],
    ),
    "incomplete, then a row": (get, [NOT_AWS["incomplete"], answer(ROW)]),
    "altered, then a row": (get, [NOT_AWS["altered"], answer(ROW)]),
    "of a wrong shape": (get, [answer(b'{"Item":"none"}')]),
    "an incomplete chunk": (get, [CHUNKED + b"ff\r\n{}"]),
    "no status": (get, [b"SSH-2.0-OpenSSH\r\nConnection: close\r\n"]),
    "closed in the headers": (get, [HEAD]),
    "closed at once, then a row": (get, [b"\r\nConnection: close", answer(ROW)]),
    "no answer": (get_hastily, [b""]),
} | {name: (get, [told]) for name, told in NOT_AWS.items()}


@pytest.fixture(scope="module")
def arms() -> list[Clients]:
    return [Clients({"AWS_DEFAULT_REGION": "us-east-1", "SHOP_TRANSPORT": name}) for name in ("fast", "boto3")]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.mark.parametrize("earlier", [0, 1], ids=["the first call", "a later call"])
@pytest.mark.parametrize(("call", "answers"), SCRIPTS.values(), ids=SCRIPTS)
def test_both_transports_make_the_same_of_it(
    arms: list[Clients], monkeypatch: pytest.MonkeyPatch, call: Call, answers: list[bytes], earlier: int
) -> None:
    with scripted.playing(*answers) as script:
        monkeypatch.setenv("AWS_ENDPOINT_URL", script.url)
        fast, boto3 = (outcome(made, script, call, answers, earlier) for made in arms)
        assert fast == boto3


def outcome(made: Clients, script: Script, call: Call, answers: list[bytes], earlier: int) -> tuple[Any, ...]:
    """The class of the error, the answer or what is known of the error, and the attempts."""
    made._made.clear()  # of the session, which is slow to make, a new client for the new endpoint
    for _ in range(earlier):
        script.answers, script.calls = [answer()], []
        with suppress(BotoCoreError):  # in the test with a short time-out
            call(made)
    script.answers, script.calls = [*answers], []
    try:
        return None, call(made), script.calls
    except ClientError as error:
        return type(error).__name__, error.response, str(error), script.calls
    except BotoCoreError as error:
        return type(error).__name__, len(script.calls)
