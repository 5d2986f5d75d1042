import json
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
import structlog

from chassis.aws.clients import Clients
from chassis.core import logs
from chassis.core.errors import Unavailable
from chassis.core.events import Event
from chassis.messaging.outbox import MAX_DELETES, Outbox
from chassis.messaging.process import Stop
from chassis.messaging.relay import Relay
from chassis.messaging.segment import Segment
from tests import aws_clients
from tests.stacks import create_tables

pytestmark = pytest.mark.integration
TABLE = "shop-basket-outbox"


class FakeBus:
    """Accepts events that are not in `refused`. The first `down` calls get no answer."""

    def __init__(self, refused: set[str] | None = None, down: int = 0) -> None:
        self.published: list[Event] = []
        self.refused = refused or set()
        self.down = down

    def publish(self, events: list[Event]) -> list[Event]:
        if self.down:
            self.down -= 1
            raise Unavailable("EventBridge does not answer.")
        taken = [event for event in events if event.id not in self.refused]
        self.published += taken
        return taken


class Shop:
    def __init__(self, env: Mapping[str, str]) -> None:
        self.now = 1000.0
        self.dynamodb = Clients(env).of("dynamodb")
        self.outbox = Outbox(self.dynamodb, TABLE, lambda: self.now)

    def commit(self, *names: str, size: int = 0) -> list[Event]:
        detail = json.dumps({"metadata": {"correlation-id": "c"}, "data": "x" * size})
        events = [Event(name, "com.example", "Happened", detail) for name in names]
        for event in events:
            assert self.outbox.commit(event)
        return events

    def left(self) -> set[str]:
        return {row["id"] for row in self.dynamodb.scan(TableName=TABLE)["Items"]}


@pytest.fixture
def stack(aws_env: Mapping[str, str]) -> Mapping[str, str]:
    """Only the tables, because an outbox needs nothing else."""
    return create_tables(aws_env, "basket")


@pytest.fixture
def shop(stack: Mapping[str, str]) -> Shop:
    return Shop(stack)


def test_relay_publishes_exactly_the_committed_event(shop: Shop) -> None:
    bus, events = FakeBus(), shop.commit("a")
    shop.now += 10
    assert Relay(shop.outbox, bus).sweep() == 1
    assert bus.published == events
    assert shop.left() == set()


def test_relay_ignores_events_younger_than_five_seconds(shop: Shop) -> None:
    bus = FakeBus()
    shop.commit("a")
    shop.now += 4.9
    assert Relay(shop.outbox, bus).sweep() == 0
    assert bus.published == []
    assert shop.left() == {"a"}
    shop.now += 0.2
    assert Relay(shop.outbox, bus).sweep() == 1


def test_event_dated_in_the_future_is_published_now(shop: Shop) -> None:
    shop.now += 24 * 3600  # the writer's clock is a day ahead
    shop.commit("ahead")
    shop.now -= 24 * 3600
    shop.commit("just written")
    shop.now -= 1  # a small difference between two clocks
    assert Relay(shop.outbox, FakeBus()).sweep() == 1
    assert shop.left() == {"just written"}


@pytest.mark.parametrize(
    "damage", [{"createdAt": "yesterday"}, {"createdAt": None}, {"detail": None}, {"detail_type": 7}, {"source": []}]
)
def test_unreadable_row_is_logged_and_stays_and_blocks_no_other(shop: Shop, damage: dict[str, Any]) -> None:
    shop.commit("a", "b", "c")
    shop.now += 10
    row = shop.dynamodb.get_item(TableName=TABLE, Key={"id": "b"})["Item"]
    shop.dynamodb.put_item(TableName=TABLE, Item=row | damage)
    with structlog.testing.capture_logs() as logged:
        assert Relay(shop.outbox, FakeBus()).sweep() == 2
    assert shop.left() == {"b"}
    told = [line for line in logged if line["log_level"] == "error"]
    assert [(line["event"], line["row_id"], line["fields"]) for line in told] == [
        ("outbox row cannot be read", "b", [*damage])
    ]
    assert [line["backlog"] for line in logged if line["event"] == "outbox swept"] == [3]


def test_event_without_correlation_id_is_published(shop: Shop) -> None:
    events = [
        Event(str(n), "com.example", "Happened", text) for n, text in enumerate(["{}", "[]", "{", '{"metadata":1}'])
    ]
    for event in events:
        assert shop.outbox.commit(event)
    shop.now += 10
    assert Relay(shop.outbox, FakeBus()).sweep() == 4
    assert shop.left() == set()


def test_pending_reads_consistently(shop: Shop) -> None:
    seen = aws_clients.reads(shop.outbox._dynamodb)
    assert list(shop.outbox.pending()) == [[]]
    assert seen == [("Scan", True)]


def test_refused_event_stays_and_delays_no_other(shop: Shop) -> None:
    shop.commit("a", "b", "c")
    shop.now += 10
    bus = FakeBus(refused={"b"})
    assert Relay(shop.outbox, bus).sweep() == 2
    assert shop.left() == {"b"}
    bus.refused = set()
    assert Relay(shop.outbox, bus).sweep() == 1
    assert shop.left() == set()


def test_events_stay_in_the_outbox_while_the_bus_is_unavailable(shop: Shop) -> None:
    shop.commit("a", "b")
    shop.now += 10
    assert Relay(shop.outbox, FakeBus(down=1)).sweep() == 0
    assert shop.left() == {"a", "b"}


def test_long_backlog_is_read_page_by_page(shop: Shop) -> None:
    names = {f"n{n}" for n in range(12)}
    shop.commit(*names, size=200_000)
    shop.now += 10
    assert len(list(shop.outbox.pending())) > 1
    with structlog.testing.capture_logs() as logged:
        assert Relay(shop.outbox, FakeBus()).sweep() == 12
    assert [line["backlog"] for line in logged if line["event"] == "outbox swept"] == [12]
    assert shop.left() == set()


def test_sweep_makes_one_scan_per_hundred_rows_and_one_removal_per_ten(shop: Shop) -> None:
    with aws_clients.table(TABLE).batch_writer() as batch:
        for n in range(120):
            batch.put_item(Item=Event(f"n{n}", "com.example", "Happened", "{}")._asdict() | {"createdAt": 1})
    calls = aws_clients.calls(shop.dynamodb)
    assert Relay(shop.outbox, FakeBus()).sweep() == 120
    assert Counter(calls) == {"Scan": 2, "BatchWriteItem": 12}
    assert shop.left() == set()


class Busy:
    """A DynamoDB client whose table does not delete the row `kept`, for the first `times` calls."""

    def __init__(self, inner: Any, kept: str, times: int) -> None:
        self.calls = 0
        self._inner = inner
        self._kept = kept
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def batch_write_item(self, *, RequestItems: dict[str, list[Any]]) -> Any:  # noqa: N803 AWS's name
        self.calls += 1
        deletes = RequestItems[TABLE]
        kept = [each for each in deletes if each["DeleteRequest"]["Key"]["id"] == self._kept]
        if self.calls > self._times:
            kept = []
        if others := [each for each in deletes if each not in kept]:
            self._inner.batch_write_item(RequestItems={TABLE: others})
        return {"UnprocessedItems": {TABLE: kept} if kept else {}}


@pytest.mark.parametrize(("times", "calls", "left"), [(1, 2, set()), (100, MAX_DELETES, {"b"})])
def test_row_that_a_busy_table_does_not_delete_is_tried_again_and_keeps_no_other(
    shop: Shop, times: int, calls: int, left: set[str]
) -> None:
    events = shop.commit("a", "b", "c")
    busy = Busy(shop.dynamodb, "b", times)
    removed = Outbox(busy, TABLE).mark_all_published(events)
    assert {event.id for event in removed} == {"a", "b", "c"} - left
    assert (busy.calls, shop.left()) == (calls, left)


def test_relays_with_a_segment_each_publish_every_event_once(shop: Shop) -> None:
    names = {f"n{n}" for n in range(30)}
    shop.commit(*names)
    shop.now += 10
    shares = []
    for number in (1, 2, 3):
        bus = FakeBus()
        Relay(shop.outbox, bus, segment=Segment(number, 3)).sweep()
        shares.append({event.id for event in bus.published})
    assert sum(map(len, shares)) == len(names)
    assert set.union(*shares) == names
    assert all(shares)


def test_sweep_logs_the_backlog_and_the_age_of_the_oldest_event(shop: Shop, capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("relay", {"LOG_FORMAT": "json"})
    shop.commit("a")
    shop.now += 30
    shop.commit("b", "c")
    shop.now += 10
    Relay(shop.outbox, FakeBus(refused={"b"})).sweep()
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    (swept,) = [line for line in lines if line["event"] == "outbox swept"]
    assert (swept["backlog"], swept["oldest_seconds"], swept["sent"]) == (3, 40.0, 2)


def test_two_concurrent_relays_lose_no_event(shop: Shop) -> None:
    names = {f"n{n}" for n in range(60)}
    shop.commit(*names)
    shop.now += 10
    buses = [FakeBus(), FakeBus()]
    threads = [threading.Thread(target=Relay(shop.outbox, bus).sweep) for bus in buses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {event.id for bus in buses for event in bus.published} == names
    assert shop.left() == set()


def test_relay_continues_after_an_outage_until_it_is_stopped(shop: Shop) -> None:
    shop.commit("a")
    shop.now += 10
    stop = Stop()

    class Bus(FakeBus):
        def publish(self, events: list[Event]) -> list[Event]:
            taken = super().publish(events)
            stop.ask()
            return taken

    bus = Bus(down=1)
    Relay(shop.outbox, bus).run(stop)
    assert [event.id for event in bus.published] == ["a"]
    assert shop.left() == set()


def test_relay_with_a_long_backlog_stops_after_the_current_page(shop: Shop) -> None:
    shop.commit(*(f"n{n}" for n in range(35)))
    shop.now += 10
    stop = Stop()

    class Bus(FakeBus):
        def publish(self, events: list[Event]) -> list[Event]:
            taken = super().publish(events)
            if len(self.published) > 10:
                stop.ask()
            return taken

    bus = Bus()
    Relay(shop.outbox, bus).run(stop)
    assert len(bus.published) == 20
    assert len(shop.left()) == 15, "some published events were not removed"
