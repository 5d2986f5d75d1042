from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chassis import aws
from chassis.process import Stop
from chassis.queue import DELETE_TRIES, MAX_BACK_OFF, Queue, Record, consume


class FakeSQS:
    """Hands out `batches` one by one, asks to stop after the last, and notes every other call."""

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


def failing(*names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda event: {
        "batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in event["Records"] if r["messageId"] in names]
    }


def run(sqs: FakeSQS, handle: Any, stop: Stop, answers: Callable[[], bool] = lambda: True) -> None:
    consume(Queue(sqs, sqs, "orders", lambda: 1.0), handle, answers, stop)


def test_only_what_was_handled_is_deleted_and_the_rest_waits() -> None:
    stop = Stop()
    sqs = FakeSQS(stop, ["a", "b", "c"])
    run(sqs, failing("b"), stop)
    assert sqs.calls == [("delete", ["r-a", "r-c"]), ("hide", {"r-b": 5})]


def test_a_record_looks_as_it_does_to_a_lambda_function() -> None:
    stop, seen = Stop(), []

    def handle(event: dict[str, Any]) -> dict[str, Any]:
        seen.extend(event["Records"])
        return {"batchItemFailures": []}

    run(FakeSQS(stop, ["a"]), handle, stop)
    (record,) = seen
    assert record == {
        "messageId": "a",
        "receiptHandle": "r-a",
        "body": "a",
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
    }


def test_a_delete_that_fails_is_tried_again_for_what_failed() -> None:
    stop = Stop()
    sqs = FakeSQS(stop, ["a", "b", "c"], undeletable=2)
    run(sqs, failing(), stop)
    assert sqs.calls == [("delete", ["r-a", "r-b", "r-c"]), ("delete", ["r-a", "r-b"]), ("delete", ["r-a"])]


def test_a_message_that_cannot_be_deleted_is_given_up_after_some_tries() -> None:
    stop = Stop()
    sqs = FakeSQS(stop, ["a"], undeletable=100)
    run(sqs, failing(), stop)
    assert len(sqs.calls) == DELETE_TRIES


@pytest.mark.parametrize(("tries", "longest"), [(1, 5), (2, 10), (4, 40), (8, 640), (9, 900), (1000, 900)])
@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_the_back_off_doubles_to_a_limit_and_is_jittered(tries: int, longest: int, chance: float) -> None:
    sqs = FakeSQS(Stop())
    record: Record = {"receiptHandle": "r", "attributes": {"ApproximateReceiveCount": str(tries)}}
    Queue(sqs, sqs, "orders", lambda: chance).back_off([record])
    ((_, hidden),) = sqs.calls
    assert longest * (0.5 + chance / 2) == pytest.approx(hidden["r"], abs=0.5)
    assert hidden["r"] <= MAX_BACK_OFF


def test_after_a_failure_nothing_is_received_until_storage_answers() -> None:
    stop, answered = Stop(), iter([True, False, False, True])
    asked = []

    def answers() -> bool:
        asked.append(answer := next(answered))
        return answer

    sqs = FakeSQS(stop, ["a"], ["b"])
    run(sqs, failing("a"), stop, answers)
    assert asked == [True, False, False, True]  # at the start, and after the failure of a
    assert [kind for kind, _ in sqs.calls] == ["hide", "delete"]


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://queue"),
        ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "GetQueueUrl"),
    ],
)
def test_a_queue_that_does_not_answer_or_is_not_there_yet_is_waited_for(error: Exception) -> None:
    stop, errors = Stop(), [error]

    class Flaky(FakeSQS):
        def get_queue_url(self, *, QueueName: str) -> Any:  # noqa: N803 AWS's name
            if errors:
                raise errors.pop()
            return super().get_queue_url(QueueName=QueueName)

    sqs = Flaky(stop, ["a"])
    run(sqs, failing(), stop)
    assert sqs.calls == [("delete", ["r-a"])]


@pytest.mark.integration
def test_a_message_goes_through_a_real_queue_and_a_dead_letter_keeps_its_attributes(stack: Mapping[str, str]) -> None:
    queue = Queue(aws.client("sqs", stack), aws.client("sqs", stack, aws.LONG_POLL), "shop-order")
    queue.send("body", reason="no hope", messageId="m-1")
    (record,) = queue.receive()
    assert (record["body"], record["attributes"]["ApproximateReceiveCount"]) == ("body", "1")
    queue.back_off([record])
    queue.delete([record])
    counts = aws.client("sqs", stack).get_queue_attributes(QueueUrl=queue._url(), AttributeNames=["All"])["Attributes"]
    assert (counts["ApproximateNumberOfMessages"], counts["ApproximateNumberOfMessagesNotVisible"]) == ("0", "0")
