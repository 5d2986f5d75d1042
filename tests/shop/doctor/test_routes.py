"""Which test messages are sent, and where answers are expected from."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.manifests import Process, processes
from bootstrap.names import Names
from bootstrap.templates import Rule
from shop.doctor.routes import Route, direct_routes, event_types, routes
from shop.doctor.sent import Sent
from tests.bootstrap.template import read
from tests.ordering.machine import callbacks, definition

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
    assert found(PLAIN, SNS, MAIL) == ["rule shop-mail → topic shop-news, whose subscribers get no test messages"]


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


def direct(*queues: str) -> list[Route | str]:
    sent = [
        Sent("state machine shop-saga", queue, ("com.example", name)) for queue in queues for name in ("Do", "Undo")
    ]
    return list(direct_routes(cast("Any", None), NAMES, sent, [MAIL]))


def test_commands_lead_past_the_bus_from_the_state_machine_to_the_process_that_receives() -> None:
    [route] = direct("shop-mail")
    assert isinstance(route, Route)
    assert str(route) == "state machine shop-saga → queue shop-mail → mail-consumer"
    assert (route.rule, route.types) == ("", (("com.example", "Do"), ("com.example", "Undo")))


def test_commands_that_no_process_receives_are_not_checked() -> None:
    assert direct("shop-post") == ["state machine shop-saga → queue shop-post, from which no process receives"]


def test_every_queue_that_a_process_receives_from_is_on_a_route_of_the_templates() -> None:
    """A queue that nothing feeds would never be tested."""
    received = {
        f"shop-{resource.partition(':')[2]}"
        for process in processes()
        for resource, actions in process.allow.items()
        if "ReceiveMessage" in actions
    }
    resources = read()
    rules = [rule["Properties"] for rule in resources.values() if rule["Type"] == "AWS::Events::Rule"]
    plain = [rule for rule in rules if event_types(rule.get("EventPattern", {}))]
    fed = [resources[each["Arn"].removesuffix(".Arn")]["Properties"] for rule in plain for each in rule["Targets"]]
    commands = {state["Parameters"]["QueueUrl"].rpartition("/")[2] for state in callbacks(definition()).values()}
    assert received <= {queue["QueueName"] for queue in fed} | commands
    assert len(received) >= 4
