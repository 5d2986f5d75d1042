"""The counters of queues, outboxes and processes."""

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from bootstrap.names import Names
from shop.room.watch import Gauges, State, Watch, ago, short
from tests.shop.room.rooms import FLOWS, room


class FakeAws:
    """Queues with a depth, and outboxes with rows. Other queues are missing."""

    def __init__(self) -> None:
        self.sqs = self.dynamodb = self
        self.depths: dict[str, tuple[int, int]] = {"shop-order": (0, 0), "shop-order-dlq": (0, 0)}
        self.tables: dict[str, list[dict[str, Any]]] = {}

    def get_queue_url(self, QueueName: str) -> dict[str, str]:  # noqa: N803 boto3's names
        if QueueName not in self.depths:
            raise ClientError({"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}}, "GetQueueUrl")
        return {"QueueUrl": QueueName}

    def get_queue_attributes(self, QueueUrl: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        waiting, hidden = self.depths[QueueUrl]
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return {"Attributes": dict(zip(names, (str(waiting), str(hidden)), strict=True))}

    def get_paginator(self, _: str) -> "FakeAws":
        return self

    def paginate(self, TableName: str, **_: Any) -> list[dict[str, Any]]:  # noqa: N803
        """A page for each row."""
        return [{"Items": [row]} for row in self.tables.get(TableName, [])]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def gauges(aws: FakeAws, clock: Clock, states: Mapping[str, str] | None = None) -> Gauges:
    return Gauges(aws, Names("shop"), FLOWS, lambda: states or {}, clock)  # type: ignore[arg-type] # a fake


def test_depth_and_marks_follow_the_queue() -> None:
    aws = FakeAws()
    aws.depths |= {"shop-order": (3, 1), "shop-order-dlq": (2, 0)}
    state = gauges(aws, Clock()).look()
    assert (state.texts["queue-order-waiting"], state.texts["queue-order-flight"]) == ("3", "1")
    assert (state.texts["queue-order-note-0"], state.texts["dead-order-dlq-note-0"]) == ("3 waiting", "2 dead letters")
    assert (state.marks["queue-order"], state.marks["dead-order-dlq"], state.marks["queue-stock"]) == (
        "busy",
        "bad",
        "",
    )


def test_queue_for_programs_outside_of_the_shop_is_not_busy() -> None:
    aws = FakeAws()
    aws.depths["shop-notifications"] = (3, 0)
    state = gauges(aws, Clock()).look()
    assert (state.texts["queue-notifications-waiting"], state.marks["queue-notifications"]) == ("3", "")


def test_age_is_at_most_the_time_since_the_queue_was_seen_empty() -> None:
    aws, clock = FakeAws(), Clock()
    it = gauges(aws, clock)
    assert it.look().texts["queue-order-oldest"] == ""
    clock.now += 42
    aws.depths["shop-order"] = (1, 0)
    assert it.look().texts["queue-order-oldest"] == "at most 42 s"


def test_age_is_not_known_before_the_queue_was_seen_empty() -> None:
    aws = FakeAws()
    aws.depths["shop-order"] = (1, 0)
    assert gauges(aws, Clock()).look().texts["queue-order-oldest"] == "not known"


def test_outbox_shows_its_backlog_and_the_age_of_its_oldest_event() -> None:
    aws = FakeAws()
    aws.tables["shop-basket-outbox"] = [{"createdAt": {"N": "990000"}}, {"createdAt": {"N": "995000"}}]
    state = gauges(aws, Clock()).look()
    assert (state.texts["outbox-basket-outbox-waiting"], state.texts["outbox-basket-outbox-oldest"]) == ("2", "10 s")
    assert state.marks["outbox-basket-outbox"] == "busy"


def test_stopped_process_is_marked_wherever_it_is_on_the_map() -> None:
    state = gauges(FakeAws(), Clock(), {"ordering-commands": "stopped", "basket": "running"}).look()
    assert state.marks["consumer-ordering-commands"] == state.marks["publisher-ordering-commands"] == "stopped"
    assert (state.texts["process-ordering-commands"], state.marks["publisher-basket"]) == ("stopped", "")


def test_every_text_and_mark_has_its_place_on_the_page() -> None:
    from shop.room.app import create_app  # noqa: PLC0415 the other tests need no web framework

    processes = dict.fromkeys(room().processes, "running")
    state = gauges(FakeAws(), Clock(), processes).look()
    page = create_app(room(state=state)).test_client().get("/room").text
    boxes = {box.node.id for box in room().picture.boxes}
    of_map = {name for name in state.texts if "-note-" in name}
    assert {name for name in state.texts.keys() - of_map if f'id="{name}"' not in page} == set()
    assert {box for box in boxes if box.startswith(("queue", "dead", "outbox", "relay", "consumer"))} <= {*state.marks}


def test_page_without_watchers_before_it_is_not_old() -> None:
    clock, looks = Clock(), iter(range(10))
    it = Watch(lambda: State({"n": str(next(looks))}), every=1, clock=clock)
    seen = [it.state().texts["n"], it.state().texts["n"]]
    clock.now += 9
    seen.append(it.state().texts["n"])
    clock.now += 2
    seen.append(it.state().texts["n"])
    assert seen == ["0", "0", "0", "1"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            ClientError({"Error": {"Code": "Throttling", "Message": "Slow down"}}, "Scan"),
            "Scan failed: Throttling: Slow down",
        ),
        (KeyError("x"), "It does not work as it should: KeyError. The log says where."),
    ],
)
def test_what_cannot_be_read_is_told_beside_the_last_counters(error: Exception, told: str) -> None:
    clock, broken = Clock(), False

    def look() -> State:
        if broken:
            raise error
        return State({"n": "1"})

    it = Watch(look, every=1, clock=clock)
    it.state()
    broken = True
    clock.now += 11
    assert it.state().texts == {"n": "1", "trouble": told}


def test_numbers_have_at_most_five_characters_and_ages_one_unit() -> None:
    assert [short(number) for number in (0, 99_999, 100_000, 99_000_000)] == ["0", "99999", "100k", "9999k"]
    assert [ago(seconds) for seconds in (0.4, 119, 120)] == ["0 s", "119 s", "2 min"]
