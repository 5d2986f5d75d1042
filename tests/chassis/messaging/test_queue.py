import signal
from collections import Counter
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from botocore.exceptions import ClientError, EndpointConnectionError, PartialCredentialsError

from chassis.aws.answers import NotFromAWS
from chassis.aws.clients import Clients
from chassis.core.errors import Unavailable
from chassis.messaging.process import Stop
from chassis.messaging.queue import DELETE_TRIES, MAX_BACK_OFF, WAIT, Queue, SqsRecord, consume
from tests import aws_clients


class FakeSQS:
    """Returns `batches` one by one, asks to stop after the last, and records all other calls."""

    def __init__(self, stop: Stop, *batches: list[str], undeletable: int = 0) -> None:
        self.calls: list[tuple[str, Any]] = []
        self._batches = list(batches)
        self._undeletable = undeletable
        self._stop = stop

    def get_queue_url(self, *, QueueName: str) -> Any:  # noqa: N803 AWS's names here and below
        return {"QueueUrl": f"http://queue/{QueueName}"}

    def receive_message(self, **call: Any) -> Any:
        assert (call["MaxNumberOfMessages"], call["WaitTimeSeconds"]) == (10, 20)
        names = self._batches.pop(0) if self._batches else []
        if not self._batches:
            self._stop.ask()
        attributes = {"ApproximateReceiveCount": "1"}
        return {
            "Messages": [
                {"MessageId": n, "ReceiptHandle": f"r-{n}", "Body": n, "Attributes": attributes} for n in names
            ]
        }

    def delete_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> Any:  # noqa: N803
        self.calls.append(("delete", [entry["ReceiptHandle"] for entry in Entries]))
        failed, self._undeletable = Entries[: self._undeletable], max(0, self._undeletable - 1)
        return {"Failed": [{"Id": entry["Id"], "Code": "InternalError"} for entry in failed]}

    def change_message_visibility_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803
        self.calls.append(("hide", {entry["ReceiptHandle"]: entry["VisibilityTimeout"] for entry in Entries}))


Handle = Callable[[dict[str, Any]], dict[str, Any]]


class Handler:
    """Handles batches by `handle`, and asks for `pause` seconds after each."""

    def __init__(self, handle: Handle, pause: float = 0.0) -> None:
        self.handle_batch = handle
        self.pause = lambda: pause


def failing(*names: str, pause: float = 0.0) -> Handler:
    def handle(event: dict[str, Any]) -> dict[str, Any]:
        failed = [r["messageId"] for r in event["Records"] if r["messageId"] in names]
        return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}

    return Handler(handle, pause)


class Storage:
    """Answers or not, in the order of `answers`. `left` are the answers that are still unused."""

    def __init__(self, *answers: bool) -> None:
        self.left = [*answers]

    def check(self) -> None:
        if not self.left.pop(0):
            raise Unavailable("DynamoDB cannot process the request now.")


def run(sqs: FakeSQS, handler: Handler, stop: Stop, check: Callable[[], None] = lambda: None) -> None:
    consume(Queue(sqs, sqs, "orders", lambda: 1.0), handler, check, stop)


def test_handled_messages_are_deleted_and_failed_ones_backed_off() -> None:
    stop = Stop()
    sqs = FakeSQS(stop, ["a", "b", "c"])
    run(sqs, failing("b"), stop)
    assert sqs.calls == [("delete", ["r-a", "r-c"]), ("hide", {"r-b": 5})]


class Counted:
    """Counts the calls of a client by their names."""

    def __init__(self, client: FakeSQS) -> None:
        self.counts: Counter[str] = Counter()
        self._client = client

    def __getattr__(self, name: str) -> Any:
        self.counts[name] += 1
        return getattr(self._client, name)


def test_batch_costs_three_calls_whatever_becomes_of_its_messages() -> None:
    stop = Stop()
    sqs = Counted(FakeSQS(stop, *[[f"{batch}-{number}" for number in range(10)] for batch in range(5)]))
    consume(Queue(sqs, sqs, "orders"), failing(*[f"{batch}-3" for batch in range(5)]), lambda: None, stop)
    assert sqs.counts.pop("get_queue_url") == 1, "the queue's URL is asked once"
    assert sqs.counts == {
        "receive_message": 5, "delete_message_batch": 5, "change_message_visibility_batch": 5,
    }  # fmt: skip


def test_record_has_the_format_of_lambda() -> None:
    stop, seen = Stop(), []

    def handle(event: dict[str, Any]) -> dict[str, Any]:
        seen.extend(event["Records"])
        return {"batchItemFailures": []}

    run(FakeSQS(stop, ["a"]), Handler(handle), stop)
    (record,) = seen
    assert record == {
        "messageId": "a",
        "receiptHandle": "r-a",
        "body": "a",
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
    }


def test_failed_deletes_are_retried() -> None:
    stop = Stop()
    sqs = FakeSQS(stop, ["a", "b", "c"], undeletable=2)
    run(sqs, failing(), stop)
    assert sqs.calls == [("delete", ["r-a", "r-b", "r-c"]), ("delete", ["r-a", "r-b"]), ("delete", ["r-a"])]


def test_delete_gives_up_after_three_attempts() -> None:
    stop = Stop()
    sqs = FakeSQS(stop, ["a"], undeletable=100)
    with structlog.testing.capture_logs() as logged:
        run(sqs, failing(), stop)
    assert len(sqs.calls) == DELETE_TRIES
    assert [(line["event"], line["count"]) for line in logged] == [("messages not deleted", 1)]


@pytest.mark.parametrize(("tries", "longest"), [(1, 5), (2, 10), (4, 40), (8, 640), (9, 900), (1000, 900)])
@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_back_off_doubles_to_a_limit_with_jitter(tries: int, longest: int, chance: float) -> None:
    sqs = FakeSQS(Stop())
    record: SqsRecord = {"receiptHandle": "r", "attributes": {"ApproximateReceiveCount": str(tries)}}
    Queue(sqs, sqs, "orders", lambda: chance).back_off([record])
    ((_, hidden),) = sqs.calls
    assert longest * (0.5 + chance / 2) == pytest.approx(hidden["r"], abs=0.5)
    assert hidden["r"] <= MAX_BACK_OFF


def test_after_a_failure_receiving_pauses_until_storage_answers() -> None:
    stop, storage = Stop(), Storage(True, False, False, True)
    sqs = FakeSQS(stop, ["a"], [], ["b"], ["c"])
    run(sqs, failing("a"), stop, storage.check)
    assert storage.left == []  # checked at the start and after the failure of a, not for each batch
    assert [kind for kind, _ in sqs.calls] == ["hide", "delete", "delete"]


def test_pause_that_the_handler_asks_for_comes_after_the_messages_are_settled() -> None:
    class Waits(Stop):
        def wait(self, seconds: float) -> None:
            sqs.calls.append(("wait", seconds))

    stop = Waits()
    sqs = FakeSQS(stop, ["a", "b"], ["c"])
    run(sqs, failing("b", pause=7.0), stop)
    assert sqs.calls == [
        ("delete", ["r-a"]), ("hide", {"r-b": 5}), ("wait", 7.0), ("delete", ["r-c"]), ("wait", 7.0),
    ]  # fmt: skip


def test_signal_ends_an_idle_poll() -> None:
    stop = Stop()

    class Idle(FakeSQS):
        def receive_message(self, **call: Any) -> Any:
            stop._on_signal(signal.SIGTERM, None)
            pytest.fail("the poll continued")

    run(Idle(stop), failing(), stop)


def test_receive_uses_the_client_with_the_long_time_out() -> None:
    sqs = FakeSQS(Stop(), ["a"])
    client = SimpleNamespace(get_queue_url=sqs.get_queue_url)
    assert len(Queue(client, SimpleNamespace(receive_message=sqs.receive_message), "orders").receive()) == 1


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://queue"),
        ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "GetQueueUrl"),
        ClientError({"Error": {"Code": "InvalidSignatureException"}}, "GetQueueUrl"),
        NotFromAWS(200, "the body is not a JSON object"),
        PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
        KeyError("QueueUrl"),
    ],
)
def test_no_error_of_the_queue_ends_the_loop(error: Exception) -> None:
    stop, errors = Stop(), [error]

    class Flaky(FakeSQS):
        def get_queue_url(self, *, QueueName: str) -> Any:  # noqa: N803 AWS's name
            if errors:
                raise errors.pop()
            return super().get_queue_url(QueueName=QueueName)

    sqs = Flaky(stop, ["a"])
    run(sqs, failing(), stop)
    assert sqs.calls == [("delete", ["r-a"])]


@pytest.fixture
def queue(stack: Mapping[str, str]) -> Queue:
    return Queue.of(Clients(stack), "shop-order")


@pytest.mark.integration
def test_only_the_poller_has_a_long_time_out(aws_env: Mapping[str, str]) -> None:
    queue = Queue.of(Clients({**aws_env, "SHOP_AWS_TIMEOUT": ""}), "shop-order")
    assert queue._poller.meta.config.read_timeout > WAIT
    assert queue._client.meta.config.read_timeout < 5


def counts(queue: Queue) -> tuple[str, str]:
    """The number of visible and of hidden messages in a real queue."""
    answer = queue._client.get_queue_attributes(QueueUrl=queue._url(), AttributeNames=["All"])["Attributes"]
    return answer["ApproximateNumberOfMessages"], answer["ApproximateNumberOfMessagesNotVisible"]


@pytest.mark.integration
def test_real_queue_deletes_handled_messages_and_hides_failed_ones(queue: Queue) -> None:
    stop = Stop()
    seen: list[tuple[str, str]] = []

    def handle(event: dict[str, Any]) -> dict[str, Any]:
        seen.extend((r["body"], r["attributes"]["ApproximateReceiveCount"]) for r in event["Records"])
        if len(seen) == 2:
            stop.ask()
        return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in event["Records"] if r["body"] == "b"]}

    for body in ("a", "b"):
        queue.send(body)
    consume(queue, Handler(handle), Storage(False, True, True).check, stop)
    assert sorted(seen) == [("a", "1"), ("b", "1")]  # no attempt was used up while storage did not answer
    assert counts(queue) == ("0", "1")


@pytest.mark.integration
def test_dead_letter_has_its_reason(queue: Queue) -> None:
    queue.send("body", reason="not JSON", messageId="m-1")
    received = aws_clients.client("sqs").receive_message(QueueUrl=queue._url(), MessageAttributeNames=["All"])
    attributes = received["Messages"][0]["MessageAttributes"]
    assert {name: value["StringValue"] for name, value in attributes.items()} == {
        "reason": "not JSON",
        "messageId": "m-1",
    }


def test_every_turn_of_the_loop_is_counted_also_without_messages_and_in_an_outage(
    measurements: Callable[[], dict[str, Any]],
) -> None:
    """Otherwise an alarm for consumers that report nothing would fire."""
    stop = Stop()
    run(FakeSQS(stop, [], [], ["a"]), failing(), stop, Storage(False, True).check)
    assert measurements() == {"ConsumerLoops": 4}
