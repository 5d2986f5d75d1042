"""The messages that reach a queue past the bus are read from what exists, not from a template."""

import json
from types import SimpleNamespace
from typing import Any, cast

from shop.doctor.sent import Sent, by_schedule, by_state_machine

MESSAGE = {"source": "com.example", "detail-type": "DoIt", "detail": {}}
QUEUE = "arn:aws:sqs:eu-west-1:1:shop-mail"


def test_commands_are_those_of_the_tasks_that_send_to_a_queue() -> None:
    states = {
        "A": {"Type": "Task", "Parameters": {"QueueUrl": "https://sqs/1/shop-mail", "MessageBody": MESSAGE}},
        "B": {"Type": "Task", "Parameters": {"TableName": "shop-order"}},
        "C": {"Type": "Succeed"},
    }
    found = {"name": "shop-saga", "definition": json.dumps({"States": states})}
    aws = cast("Any", SimpleNamespace(stepfunctions=SimpleNamespace(describe_state_machine=lambda **_: found)))
    assert list(by_state_machine(aws, "arn")) == [Sent("state machine shop-saga", "shop-mail", ("com.example", "DoIt"))]


def test_schedule_sends_what_its_transformer_writes() -> None:
    template = json.dumps(MESSAGE | {"detail": {"time": "TIME"}}).replace('"TIME"', "<time>")
    target = {"Arn": QUEUE, "InputTransformer": {"InputTemplate": template}}
    assert list(by_schedule("shop-tick", target)) == [Sent("rule shop-tick", "shop-mail", ("com.example", "DoIt"))]


def test_target_that_gets_the_event_itself_is_left_out() -> None:
    assert list(by_schedule("shop-tick", {"Arn": QUEUE})) == []
