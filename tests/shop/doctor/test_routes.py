"""Which test messages are sent, and where answers are expected from."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.manifests import Process, processes
from bootstrap.names import Names
from bootstrap.templates import Rule, load
from shop.doctor.routes import Route, event_types, routes

NAMES = Names("shop")
PLAIN = {"source": ["com.example"], "detail-type": ["Happened"]}
SQS, SNS = "arn:aws:sqs:eu-west-1:1:shop-mail", "arn:aws:sns:eu-west-1:1:shop-news"
MAIL = Process(name="mail-consumer", run="services.mail.consumer", allow={"sqs:mail": ["ReceiveMessage"]})
DEAD = f"{SQS}-dlq"


def found(pattern: Any, target: str = SQS, *consumers: Process) -> list[Route | str]:
    targets = {"Targets": [{"Id": "1", "Arn": target, "DeadLetterConfig": {"Arn": DEAD}}]}
    aws = SimpleNamespace(events=SimpleNamespace(list_targets_by_rule=lambda **_: targets))
    return list(routes(cast("Any", aws), NAMES, [Rule("R", "shop-mail", "shop-bus", ("1",), pattern)], consumers))


def test_route_leads_from_the_rule_through_the_queue_to_the_process_that_receives() -> None:
    [route] = found(PLAIN, SQS, MAIL)
    assert isinstance(route, Route)
    assert str(route) == "rule shop-mail → queue shop-mail → mail-consumer"
    assert (route.module, route.rule_dead_letters) == ("services.mail.consumer", DEAD)
    assert route.types == (("com.example", "Happened"),)


def test_queue_from_which_no_process_receives_is_not_checked() -> None:
    assert found(PLAIN) == ["rule shop-mail → queue shop-mail, from which no process receives"]


def test_rule_that_asks_for_data_is_not_checked() -> None:
    told = ["rule shop-mail, whose pattern asks for more than a source and a detail-type"]
    assert found({**PLAIN, "detail": {"data": {"n": [1]}}}, SQS, MAIL) == told


def test_topics_get_no_test_message() -> None:
    assert found(PLAIN, SNS, MAIL) == []


@pytest.mark.parametrize(
    ("pattern", "types"),
    [
        ({"source": ["a"], "detail-type": ["X", "Y"]}, [("a", "X"), ("a", "Y")]),
        ({"source": ["a", "b"], "detail-type": ["X"]}, [("a", "X"), ("b", "X")]),
        ({"source": [{"prefix": "a"}], "detail-type": ["X"]}, []),
        ({"source": ["a"]}, []),
        ({}, []),
    ],
)
def test_event_types_are_those_that_match_by_source_and_detail_type(pattern: Any, types: list[Any]) -> None:
    assert event_types(pattern) == types


def test_every_queue_that_a_process_receives_from_is_on_a_route_of_the_templates() -> None:
    """A queue that no rule feeds would never be tested."""
    consumers = [process for process in processes() if any("ReceiveMessage" in each for each in process.allow.values())]
    assert [process.name for process in consumers] == ["basket-consumer", "ordering-consumer"]
    types = [event_types(rule.pattern) for template in load(NAMES) for rule in template.rules()]
    assert len([each for each in types if each]) == len(consumers)
