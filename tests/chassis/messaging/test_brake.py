import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest
import structlog
from cfnlint import decode

from bootstrap.templates import ROOT
from chassis.aws.clients import Clients
from chassis.core.errors import Conflict, Unavailable
from chassis.core.events import EventData
from chassis.messaging.brake import FIRST_PAUSE, LEAST, LONGEST_PAUSE, TRIES, WINDOW, Brake
from chassis.messaging.consumer import Consumer
from chassis.messaging.process import Stop
from chassis.messaging.queue import Queue as RealQueue
from chassis.messaging.queue import consume
from tests import aws_clients
from tests.bootstrap import template
from tests.fakes import FakeDeadLetters, FakeReplies


class Made(EventData):
    SOURCE: ClassVar = "com.example"
    DETAIL_TYPE: ClassVar = "Made"
    VERSION: ClassVar = 1

    outcome: str


def handle(made: Made) -> None:
    """Ends as the message asks."""
    errors = {"refused": Conflict("It exists."), "bug": KeyError("a bug"), "outage": Unavailable("No answer.")}
    if made.outcome in errors:
        raise errors[made.outcome]


class Queue:
    """Messages that are delivered until they are handled or dead-lettered."""

    def __init__(self, *outcomes: str) -> None:
        self.waiting = {f"m-{number}": outcome for number, outcome in enumerate(outcomes)}
        self.tries = dict.fromkeys(self.waiting, 0)
        self.dead = FakeDeadLetters()
        self.consumer = Consumer({Made: handle}, self.dead, FakeReplies())
        self.pauses: list[float] = []

    def deliver(self, *message_ids: str) -> None:
        """One batch."""
        answer = self.consumer.handle_batch({"Records": [self._record(message_id) for message_id in message_ids]})
        left = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for message_id in {*message_ids} - left:
            del self.waiting[message_id]
        self.pauses.append(self.consumer.pause())

    def _record(self, message_id: str) -> dict[str, Any]:
        self.tries[message_id] += 1
        data = {"outcome": self.waiting[message_id]}
        detail = {"metadata": {"version": 1, "correlation-id": "c-1"}, "data": data}
        body = json.dumps({"source": "com.example", "detail-type": "Made", "detail": detail})
        attributes = {"ApproximateReceiveCount": str(self.tries[message_id])}
        return {"messageId": message_id, "body": body, "attributes": attributes}


def test_one_bad_message_alone_is_dead_lettered_at_once() -> None:
    queue = Queue("refused")
    queue.deliver("m-0")
    assert (len(queue.dead.sent), queue.waiting, queue.pauses) == (1, {}, [0.0])


@pytest.mark.parametrize("size", [1, 3, 10])
def test_bad_deployment_dead_letters_a_few_messages_and_keeps_the_rest(size: int) -> None:
    """In batches of every size, since a quiet queue gives one message at a time."""
    queue = Queue(*["refused"] * 40)
    for start in range(0, 40, size):
        queue.deliver(*[f"m-{number}" for number in range(start, min(start + size, 40))])
    assert len(queue.dead.sent) == LEAST - 1
    assert len(queue.waiting) == 40 - (LEAST - 1)
    assert queue.pauses[-1] > 0


def test_bad_messages_among_good_ones_are_dead_lettered_and_nothing_pauses() -> None:
    queue = Queue(*["handled", "handled", "refused"] * 10)
    for number in range(30):
        queue.deliver(f"m-{number}")
    assert (len(queue.dead.sent), queue.waiting, {*queue.pauses}) == (10, {}, {0.0})


def test_same_bad_message_counts_once() -> None:
    queue = Queue("bug")
    for _ in range(TRIES):
        queue.deliver("m-0")
    assert {*queue.pauses} == {0.0}


@pytest.mark.parametrize(("outcome", "pauses"), [("bug", True), ("outage", False)])
def test_bugs_put_the_brake_on_and_outages_do_not(outcome: str, pauses: bool) -> None:
    queue = Queue(*[outcome] * 10)
    queue.deliver(*queue.waiting)
    assert (queue.pauses != [0.0], len(queue.waiting), queue.dead.sent) == (pauses, 10, [])


def test_pauses_double_to_a_limit_and_each_is_logged_with_its_figures() -> None:
    queue = Queue(*["bug"] * 10)
    with structlog.testing.capture_logs() as logged:
        for _ in range(6):
            queue.deliver(*queue.waiting)
    assert queue.pauses == [FIRST_PAUSE, 10.0, 20.0, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
    lines = [line for line in logged if line["event"] == "most messages are refused, so receiving pauses"]
    assert [(line["log_level"], line["refused"], line["of"]) for line in lines] == [("error", 10, 10)] * 6
    assert [line["seconds"] for line in lines] == queue.pauses


def test_good_messages_do_not_wait_for_bad_ones_of_another_day() -> None:
    """One at a time, as orders come to a quiet shop. The brake itself is on until half of the window is good."""
    queue = Queue(*["bug"] * LEAST, *["handled"] * 4)
    queue.deliver(*[f"m-{number}" for number in range(LEAST)])
    for number in range(LEAST, LEAST + 4):
        queue.deliver(f"m-{number}")
    assert queue.pauses == [FIRST_PAUSE, 0.0, 0.0, 0.0, 0.0]
    queue.deliver("m-0")
    assert queue.pauses[-1] == 2 * FIRST_PAUSE


def test_command_that_comes_during_a_pause_is_handled_before_its_saga_gives_up() -> None:
    found, _ = decode.decode(str(ROOT / "services" / "ordering" / "template.yaml"))
    assert found["Parameters"]["StepTimeout"]["Default"] / 2 >= LONGEST_PAUSE


def test_messages_that_were_held_back_are_handled_after_the_repair() -> None:
    """As when another service's deployment is undone, so that this process goes on."""
    queue = Queue(*["refused"] * 10)
    queue.deliver(*queue.waiting)
    held = [*queue.waiting]
    queue.waiting = dict.fromkeys(held, "handled")
    queue.deliver(*held)
    assert (queue.waiting, queue.pauses[-1], len(queue.dead.sent)) == ({}, 0.0, LEAST - 1)


def test_brake_is_off_again_after_good_messages_and_then_dead_letters_at_once() -> None:
    queue = Queue(*["refused"] * 10, *["handled"] * 9)
    queue.deliver(*[f"m-{number}" for number in range(10)])
    held = [name for name, outcome in queue.waiting.items() if outcome == "refused"]
    queue.deliver(*[f"m-{number}" for number in range(10, 19)])
    queue.deliver(held[0])
    assert queue.pauses[1:] == [0.0, 0.0]
    assert held[0] not in queue.waiting


def test_held_message_goes_to_the_dead_letter_queue_with_its_reason_at_its_last_try() -> None:
    """One try later, SQS would move it there without a reason."""
    queue = Queue(*["refused"] * 10)
    for _ in range(TRIES - 1):
        queue.deliver(*queue.waiting)
    assert len(queue.dead.sent) == LEAST - 1
    queue.deliver(*queue.waiting)
    assert queue.waiting == {}
    assert [sent["reason"] for sent in queue.dead.sent] == ["It exists."] * 10


def test_last_try_is_that_of_the_templates() -> None:
    queues = [each["Properties"] for each in template.read().values() if each["Type"] == "AWS::SQS::Queue"]
    assert {queue["RedrivePolicy"]["maxReceiveCount"] for queue in queues if "RedrivePolicy" in queue} == {TRIES}


def test_brake_forgets_all_but_the_last_messages() -> None:
    brake = Brake()
    for number in range(3 * WINDOW):
        brake.note(f"good-{number}", refused=False)
    assert [brake.note(f"bad-{number}", refused=True) for number in range(WINDOW)] == [False] * 5 + [True] * 5


class OneBatch(Stop):
    """Ends the loop after one batch instead of a pause."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = 0.0

    def wait(self, seconds: float) -> None:
        self.waited = seconds
        self.ask()


@pytest.mark.integration
def test_release_that_refuses_everything_leaves_a_real_queue_to_the_next_release(stack: Mapping[str, str]) -> None:
    clients, handled = Clients(stack), list[Made]()
    sqs, dead = clients.of("sqs"), RealQueue.of(clients, "shop-order-dlq")
    queue = RealQueue(sqs, sqs, "shop-order", lambda: -1.0)  # a message that is backed off is visible again at once
    detail = {"metadata": {"version": 1}, "data": {"outcome": "refused"}}
    for _ in range(10):
        queue.send(json.dumps({"source": "com.example", "detail-type": "Made", "detail": detail}))
    bad, good = OneBatch(), OneBatch()
    consume(queue, Consumer({Made: handle}, dead, FakeReplies()), lambda: None, bad)
    assert depth("shop-order-dlq") == LEAST - 1
    assert bad.waited == FIRST_PAUSE
    consume(queue, Consumer({Made: handled.append}, dead, FakeReplies()), lambda: None, good)
    assert (len(handled), good.waited) == (10 - (LEAST - 1), 0.0)
    assert (depth("shop-order"), depth("shop-order-dlq")) == (0, LEAST - 1)


def depth(queue: str) -> int:
    sqs = aws_clients.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"])


def test_messages_that_are_held_back_are_counted(measurements: Callable[[], dict[str, Any]]) -> None:
    queue = Queue(*["refused"] * 10)
    queue.deliver(*queue.waiting)
    assert measurements() == {"DeadLettersConflicting": LEAST - 1, "MessagesHeldBack": 10 - (LEAST - 1)}
