"""The emulator's process: attacked as a web page would, stopped, and killed."""

import io
import json
import signal
import socket
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError

from shop.emulator import ministack
from shop.emulator.state import State
from tests.environment import ROOT, free_port, wait_for
from tests.processes import eventually, inherited

pytestmark = [pytest.mark.integration, pytest.mark.ministack]  # it starts its own

EVIL = "http://evil.example"
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, Signature=0"}
LAMBDA = "/2015-03-31/functions"
ROLE = "arn:aws:iam::000000000000:role/any"
TABLE = {
    "TableName": "rows",
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


class Emulator:
    def __init__(self, folder: Path, save_every: float) -> None:
        self.port = free_port()
        self.state = State(folder / "emulator")
        self.log = folder / "emulator.log"
        env = inherited() | ministack.environment(self.port, self.state.path)
        command = ministack.command(self.port, save_every)
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=out)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: Any) -> Any:
        session = boto3.Session("test", "test", region_name="us-east-1")
        patient = Config(read_timeout=60, retries={"total_max_attempts": 1})
        return session.client(service, endpoint_url=self.url, config=patient)

    def send(self, method: str, path: str, body: str = "", **headers: str) -> urllib3.BaseHTTPResponse:
        """As a browser sends it, signature and all names of headers included only where given."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return urllib3.request(method, self.url + path, body=body or None, headers=named, retries=False, timeout=30)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(120)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


Start = Callable[..., Emulator]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts emulators on one folder, so that the next knows what the one before has saved."""
    started: list[Emulator] = []

    def one(save_every: float = 600, *, serves: bool = True) -> Emulator:
        started.append(Emulator(tmp_path, save_every))
        if serves:
            wait_for(f"{started[-1].url}/_localstack/health")
        return started[-1]

    yield one
    for each in started:
        each.end()


def queue_of(emulator: Emulator) -> str:
    return str(emulator.client("sqs").create_queue(QueueName="held")["QueueUrl"])


def queues(emulator: Emulator) -> list[str]:
    found: list[str] = emulator.client("sqs").list_queues().get("QueueUrls", [])
    return [url.rpartition("/")[2] for url in found]


def test_a_web_page_can_neither_read_nor_write_nor_reset(start: Start) -> None:
    emulator = start()
    queue_of(emulator)
    rebound = {"Host": f"evil.example:{emulator.port}"}
    tried = [
        ("POST", LAMBDA, {"Origin": EVIL, "Content-Type": "text/plain"}),
        ("POST", LAMBDA, {"Content-Type": "text/plain"}),
        ("GET", "/?Action=DeleteQueue&QueueUrl=" + queue_of(emulator), {}),
        ("GET", "/?Action=ListQueues", {"Sec-Fetch-Site": "cross-site"}),
        ("GET", "/?Action=ListQueues", rebound | SIGNED),
        ("POST", "/?Action=PurgeQueue", {"Origin": "null"} | SIGNED),
        ("POST", "/_ministack/reset", {"Origin": EVIL}),
        ("POST", "/_ministack/reset", {}),
        ("POST", "/_ministack/config", {}),
        ("GET", "/_localstack/health", {"Origin": EVIL}),
        ("GET", "/_localstack/health", rebound),
        ("OPTIONS", "/", {"Origin": EVIL, "Access-SupervisorClient-Request-Method": "PUT"}),
    ]
    for method, path, headers in tried:
        answer = emulator.send(method, path, **headers)
        assert answer.status == 403, (method, path, headers)
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert queues(emulator) == ["held"]


def zipped(code: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("index.py", code)
    return held.getvalue()


def test_lambda_functions_can_neither_be_created_nor_run(start: Start, tmp_path: Path) -> None:
    emulator, trace = start(), tmp_path / "it-ran"
    code = f"def h(event, context): open({str(trace)!r}, 'w').close()"
    function = {"Runtime": "python3.11", "Role": ROLE, "Handler": "index.h"}
    with pytest.raises(ClientError):
        emulator.client("lambda").create_function(FunctionName="f", Code={"ZipFile": zipped(code)}, **function)
    custom = {"ServiceToken": {"Fn::GetAtt": ["F", "Arn"]}, "ServiceTimeout": 3}
    resources = {
        "F": {"Type": "AWS::Lambda::Function", "Properties": function | {"Code": {"ZipFile": code}}},
        "C": {"Type": "Custom::Run", "Properties": custom},
    }
    cloudformation = emulator.client("cloudformation")
    cloudformation.create_stack(StackName="evil", TemplateBody=json.dumps({"Resources": resources}))
    eventually(lambda: stack(cloudformation)["StackStatus"] != "CREATE_IN_PROGRESS")
    assert stack(cloudformation)["StackStatus"].startswith("ROLLBACK")
    assert not trace.exists()


def stack(cloudformation: Any) -> Any:
    return cloudformation.describe_stacks(StackName="evil")["Stacks"][0]


def fill(emulator: Emulator, rows: int) -> None:
    """Large enough to take seconds to write: each row has a thousand numbers."""
    dynamodb = emulator.client("dynamodb")
    dynamodb.create_table(**TABLE)
    numbers = {"L": [{"N": str(number)} for number in range(1000)]}
    for first in range(0, rows, 25):
        puts = [{"PutRequest": {"Item": {"id": {"S": str(first + n)}, "numbers": numbers}}} for n in range(25)]
        dynamodb.batch_write_item(RequestItems={"rows": puts})


def rows(emulator: Emulator) -> int:
    dynamodb = emulator.client("dynamodb")
    if "rows" not in dynamodb.list_tables()["TableNames"]:
        return 0
    pages = dynamodb.get_paginator("scan").paginate(TableName="rows", Select="COUNT")
    return sum(page["Count"] for page in pages)


@contextmanager
def abandoned_poll(emulator: Emulator) -> Iterator[None]:
    """As from a consumer that hangs: its connection stays open, and the answer is never read."""
    body = json.dumps({"QueueUrl": queue_of(emulator), "WaitTimeSeconds": 20})
    lines = [
        "POST / HTTP/1.1",
        f"Host: 127.0.0.1:{emulator.port}",
        f"Authorization: {SIGNED['Authorization']}",
        "X-Amz-Target: AmazonSQS.ReceiveMessage",
        "Content-Type: application/x-amz-json-1.0",
        f"Content-Length: {len(body)}",
    ]
    with socket.create_connection(("127.0.0.1", emulator.port)) as consumer:
        consumer.sendall("\r\n".join([*lines, "", body]).encode())
        assert queues(emulator) == ["held"]  # what came before was read before
        yield


def test_a_stop_saves_many_rows_in_spite_of_an_abandoned_long_poll(start: Start) -> None:
    emulator = start()
    fill(emulator, 100)
    with abandoned_poll(emulator):
        assert emulator.stop() == 0
    assert emulator.state.is_final()
    assert rows(start()) == 100
    assert not emulator.state.is_final()


def test_a_killed_emulator_starts_with_its_last_save(start: Start) -> None:
    emulator = start(save_every=0.2)
    fill(emulator, 25)
    eventually(lambda: saved_rows(emulator) == 25)
    emulator.end()
    assert rows(start()) == 25


def saved_rows(emulator: Emulator) -> int:
    """The rows in the newest save, as MiniStack writes them."""
    file = emulator.state.newest() / "dynamodb.json"
    if not file.exists():
        return 0
    tables = json.loads(file.read_text())["payload"]["tables"]["data"]
    return sum(len(table["items"]) for table in tables.values())


def test_a_failed_save_is_logged_and_leaves_the_one_before(start: Start) -> None:
    emulator = start()
    fill(emulator, 25)
    assert emulator.stop() == 0
    again = start()
    queue_of(again)
    (again.state.path / f"draft-{again.process.pid}").write_text("in the way, as a full disk would be")
    assert again.stop() == 1
    assert "the data could not be saved" in again.log.read_text()
    assert saved_rows(again) == 25


NEWER = '{"__ministack_format__": 99, "payload": {}}'
WRONG = '{"__ministack_format__": 2, "payload": ["no", "queues"]}'


@pytest.mark.parametrize(
    ("file", "content"),
    [("sqs.json", '{"cut off'), ("sqs.json", NEWER), ("sqs.json", WRONG), ("unknown.json", "{}")],
)
def test_a_save_that_cannot_be_read_is_kept_and_the_emulator_does_not_start(
    start: Start, file: str, content: str
) -> None:
    emulator = start()
    queue_of(emulator)
    assert emulator.stop() == 0
    broken = emulator.state.newest() / file
    broken.write_text(content)
    again = start(save_every=0.2, serves=False)
    assert again.process.wait(60) == ministack.DO_NOT_RESTART
    last = again.log.read_text().splitlines()[-1]
    assert f"{broken} cannot be read" in last
    assert "`make reset`" in last
    assert broken.read_text() == content


def test_lost_answer_is_an_unfinished_500_after_the_effect(start: Start) -> None:
    emulator = start()
    emulator.client("sqs").create_queue(QueueName="before")
    emulator.process.send_signal(signal.SIGUSR1)
    eventually(lambda: "every second answer" in emulator.log.read_text())
    with pytest.raises(ClientError, match="500"):
        emulator.client("sqs").create_queue(QueueName="unanswered")
    assert sorted(queues(emulator)) == ["before", "unanswered"]
    emulator.client("sqs").create_queue(QueueName="answered")
