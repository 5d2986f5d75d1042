"""The copies of all events: which rules pass an event on, what the map shows of it, and the tap on an emulator."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from bootstrap.aws import Aws
from bootstrap.clock import Clock
from bootstrap.errors import Failed
from bootstrap.names import Names
from bootstrap.stack import Stack
from bootstrap.templates import tap
from shop.room import tap as module
from shop.room.ring import Ring
from shop.room.tap import Tap, hops, passes
from tests.bootstrap.template import resources_of
from tests.environment import ROOT
from tests.shop.room.rooms import FLOWS, event, room

BUG, WHERE = "It does not work as it should:", "The log says where."


class FakeEvents:
    """Says of every pattern that it matches, or that none does."""

    def __init__(self, answer: bool = True) -> None:
        self.answer = answer
        self.asked = 0

    def test_event_pattern(self, **_: Any) -> dict[str, bool]:
        self.asked += 1
        return {"Result": self.answer}


def passing(seen: Mapping[str, Any], events: FakeEvents) -> list[str]:
    return [route.rule for route in FLOWS.routes if passes(events, route, seen)]


def test_pattern_of_names_alone_needs_no_question() -> None:
    events = FakeEvents()
    assert passing(event(), events) == ["checkout-basket"]
    assert events.asked == 0


@pytest.mark.parametrize(
    ("answer", "rules"), [(True, ["product-changes", "price-drops"]), (False, ["product-changes"])]
)
def test_eventbridge_decides_where_a_pattern_has_more(answer: bool, rules: list[str]) -> None:
    assert passing(event(name="product_changed"), FakeEvents(answer)) == rules


def test_event_of_another_source_or_shape_passes_no_rule() -> None:
    foreign: list[dict[str, Any]] = [{"source": "com.swn.other", "detail-type": "CheckoutBasket"}, {}]
    assert [passing(it, FakeEvents()) for it in foreign] == [[], []]


def test_dots_follow_lines_of_the_map_from_the_publisher_to_the_queue_behind_a_topic() -> None:
    lines = {line.id for line in room().picture.lines}
    for name in ("checkout_basket", "product_changed", "order_confirmed"):
        seen = event(name=name)
        routes = [route for route in FLOWS.routes if passes(FakeEvents(), route, seen)]
        found = [*hops(FLOWS, routes, seen)]
        assert {line for hop in found for line in hop} <= lines
        assert found[0]
    assert [*hops(FLOWS, routes, seen)][3] == ["topic-notifications--queue-notifications"]


def test_template_of_the_tap_catches_events_of_the_shop_only_for_minutes() -> None:
    found = {each["Type"]: each["Properties"] for each in resources_of(ROOT / "bootstrap" / "room.yaml").values()}
    rule, queue = found["AWS::Events::Rule"], found["AWS::SQS::Queue"]
    assert rule["EventPattern"] == {"source": [{"prefix": "com.swn."}]}
    assert queue["MessageRetentionPeriod"] == 300
    [statement] = found["AWS::SQS::QueuePolicy"]["PolicyDocument"]["Statement"]
    assert "rule/" in str(statement["Condition"]["ArnEquals"])


@pytest.mark.parametrize(
    ("error", "told"), [(Failed("There is no bus."), "There is no bus."), (KeyError("x"), f"{BUG} KeyError. {WHERE}")]
)
def test_room_that_cannot_listen_says_why_and_tries_again(error: Exception, told: str) -> None:
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            raise KeyboardInterrupt

    class Closed(Tap):
        def open(self) -> str:
            raise error

    it = Closed(None, tap(Names("shop")), FLOWS, Ring())  # type: ignore[arg-type] # it is never called
    with pytest.raises(KeyboardInterrupt):
        it.run(sleep)
    assert (it.trouble, naps) == (told, [module.PAUSE] * 2)


def publish(aws: Aws, seen: Mapping[str, Any]) -> None:
    entry: Any = {
        "EventBusName": "shop-bus",
        "Source": seen["source"],
        "DetailType": seen["detail-type"],
        "Detail": json.dumps(seen["detail"]),
    }
    aws.events.put_events(Entries=[entry])


@pytest.mark.integration
def test_an_event_on_the_bus_arrives_on_the_stream(aws: Aws) -> None:
    ring = Ring()
    it = Tap(aws, tap(Names("shop")), FLOWS, ring)
    url = it.open()
    assert it.open() == url
    publish(aws, event(name="product_changed", changePercent=-50))
    publish(aws, dict(event(7)) | {"source": "com.other"})
    publish(aws, event(8))
    while len(ring.all()) < 2:
        it.receive(url)
    sent = "".join(part for part, _ in zip(room(ring).stream(""), range(3), strict=False))
    assert sent.count("event: tap") == 2
    by_type = {seen.type: seen for seen in ring.all()}
    assert by_type["CheckoutBasket"].correlation == "c-8"
    assert "rule-price-drops--topic-price-drops" in by_type["ProductChanged"].hops[2]
    assert Stack(aws.cloudformation, "shop-room", Clock()).status() in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
