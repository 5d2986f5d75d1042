"""Dead letters are put back: none is lost, even after a failure or a crash, and none is moved twice."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.dlq.dead_letter import DeadLetter
from shop.dlq.queues import DeadLetterQueue, Destination, Queue, Topic
from shop.dlq.receiver import EVERYTHING, Selection, receiving
from shop.dlq.redrive import MAX_BYTES, Redrive, batches
from tests.shop.dlq.fake_sqs import FakeSqs, letter, message

DLQ, ORDER, OTHER = "dlq-url", "order-url", "other-url"
ORDER_QUEUE = Queue("shop-order", ORDER, {"QueueArn": "arn:order"})
OTHER_QUEUE = Queue("shop-other", OTHER, {"QueueArn": "arn:other"})
TOPIC = Topic("arn:aws:sns:eu-west-1:1:shop-news")
both = pytest.mark.parametrize(("goal", "url"), [(ORDER_QUEUE, ORDER), (TOPIC, TOPIC.arn)], ids=["queue", "topic"])


def shop(*messages: Any) -> FakeSqs:
    return FakeSqs({DLQ: list(messages), ORDER: [], OTHER: [], TOPIC.arn: []})


def redrive(sqs: FakeSqs, *sources: Destination, most: int = EVERYTHING, said: list[str] | None = None) -> Redrive:
    queue = DeadLetterQueue("shop-dlq", DLQ, {}, {source.arn: source for source in sources or (ORDER_QUEUE,)})
    work = Redrive(cast("Any", SimpleNamespace(sqs=sqs, sns=sqs)), queue, (said if said is not None else []).append)
    with receiving(cast("Any", sqs), DLQ) as receiver:
        work.run(receiver, Selection(), most)
    return work


def many(count: int) -> list[Any]:
    return [message(f"m-{n}", str(n)) for n in range(count)]


def meant_for(goal: Destination, count: int) -> list[Any]:
    """As EventBridge sends them, with an attribute that their publisher added."""
    return [message(f"m-{n}", str(n), TARGET_ARN=goal.arn, trace="t") for n in range(count)]


@both
def test_every_message_moves_with_its_body_and_without_failure_attributes(goal: Destination, url: str) -> None:
    sqs = shop(*meant_for(goal, 25))
    assert redrive(sqs, goal).moved == {goal.name: 25}
    assert sqs.bodies(url) == [str(n) for n in range(25)]
    assert {tuple(m["MessageAttributes"]) for m in sqs.queues[url]} == {("trace",)}
    assert sqs.bodies(DLQ) == []
    assert [len(batch) for batch in sqs.batches] == [10, 10, 5]


@both
@pytest.mark.parametrize(("dies_at", "arrived"), [("send", 0), ("delete", 3)])
def test_crash_between_any_two_steps_loses_nothing(goal: Destination, url: str, dies_at: str, arrived: int) -> None:
    """After the send a copy is in each queue: consumers are idempotent, and the next redrive sends it once more."""
    sqs = shop(*meant_for(goal, 3))
    sqs.dies_at = dies_at
    with pytest.raises(KeyboardInterrupt):
        redrive(sqs, goal)
    assert len(sqs.bodies(url)) == arrived
    assert sqs.bodies(DLQ) == ["0", "1", "2"]
    assert sqs.hidden == set()


@both
def test_only_accepted_messages_are_deleted(goal: Destination, url: str) -> None:
    sqs = shop(*meant_for(goal, 12))
    sqs.refused = {"3", "11"}
    work = redrive(sqs, goal)
    assert (work.moved, len(sqs.bodies(url))) == ({goal.name: 10}, 10)
    assert work.kept == ["m-3: InternalError: not today", "m-11: InternalError: not today"]
    assert sqs.bodies(DLQ) == ["3", "11"]
    assert sqs.hidden == set()


def test_message_that_could_not_be_deleted_is_reported() -> None:
    sqs = shop(*many(3))
    sqs.stuck = {"m-1"}
    work = redrive(sqs)
    assert (work.count, work.not_deleted) == (3, ["m-1"])
    assert sqs.bodies(DLQ) == ["1"]


@pytest.mark.parametrize("native", [True, False], ids=["moved by SQS", "refused by a consumer"])
def test_messages_that_fail_again_at_once_are_not_moved_twice(native: bool) -> None:
    """SQS keeps the id of a message. A consumer writes it into an attribute."""
    sqs = shop(*many(30))

    def bounce(url: str, arrived: Any) -> None:
        identity = arrived["MessageId"]
        back = message(identity, arrived["Body"]) if native else message(f"b-{identity}", messageId=identity)
        sqs.queues[url].remove(arrived)
        sqs.queues[DLQ].insert(0, back)

    sqs.on_send = bounce
    assert redrive(sqs).count == 30
    assert len(sqs.queues[DLQ]) == 30
    assert sqs.hidden == set()


def test_redrive_stops_after_as_many_as_there_were() -> None:
    sqs = shop(*many(5))
    sqs.on_send = lambda _url, _arrived: sqs.queues[DLQ].append(message(f"new-{len(sqs.calls)}-{next(sqs.ids)}"))
    assert redrive(sqs, most=5).count == 5
    assert len(sqs.queues[DLQ]) == 5


def test_each_message_goes_back_to_the_queue_it_names() -> None:
    sqs = shop(message("m-1", "a", origin="arn:other"), message("m-2", "b", TARGET_ARN="arn:order"))
    assert redrive(sqs, ORDER_QUEUE, OTHER_QUEUE).moved == {"shop-other": 1, "shop-order": 1}
    assert (sqs.bodies(OTHER), sqs.bodies(ORDER)) == (["a"], ["b"])


def test_what_a_rule_could_not_publish_goes_to_its_topic_and_what_names_nothing_to_the_queue() -> None:
    """SNS writes nothing on what it could not deliver."""
    sqs = shop(message("m-1", "a", TARGET_ARN=TOPIC.arn), message("m-2", "b"))
    assert redrive(sqs, TOPIC, ORDER_QUEUE).moved == {"topic shop-news": 1, "shop-order": 1}
    assert (sqs.bodies(TOPIC.arn), sqs.bodies(ORDER)) == (["a"], ["b"])


def test_message_of_unknown_origin_is_kept() -> None:
    sqs = shop(message("m-1", reason="bad"), message("m-2", TARGET_ARN="arn:stranger"))
    assert redrive(sqs, ORDER_QUEUE, OTHER_QUEUE).kept == [
        "m-1: it was meant for one of several queues",
        "m-2: it was meant for arn:stranger, which a redrive cannot serve",
    ]
    assert len(sqs.queues[DLQ]) == 2
    assert "send" not in sqs.calls


def test_long_redrive_reports_progress() -> None:
    said: list[str] = []
    redrive(shop(*many(250)), said=said)
    assert said == ["  100 messages of shop-dlq were put back", "  200 messages of shop-dlq were put back"]


@given(st.lists(st.integers(0, MAX_BYTES + 1000), max_size=30))
def test_a_batch_is_never_more_than_sqs_takes_and_nothing_is_left_out(sizes: list[int]) -> None:
    letters = [letter(f"m-{n}", "x" * size) for n, size in enumerate(sizes)]
    made = list(batches(letters))
    assert [each for batch in made for each in batch] == letters
    assert all(len(batch) <= 10 for batch in made)
    assert all(len(batch) == 1 or sum(map(DeadLetter.size, batch)) <= MAX_BYTES for batch in made)
