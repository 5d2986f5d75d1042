"""Messages that reach a queue without a pattern: the commands of state machines, and the messages of schedules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bootstrap.aws import Aws

_VARIABLE = re.compile(r"<\w+>")


class Sent(NamedTuple):
    """`sender` has its kind, as in "rule shop-sweep-orders". `queue` is a name."""

    sender: str
    queue: str
    type: tuple[str, str]  # source and detail-type


def by_state_machine(aws: Aws, arn: str) -> Iterator[Sent]:
    """The command of each task of the machine as it is now."""
    found = aws.stepfunctions.describe_state_machine(stateMachineArn=arn)
    for state in json.loads(found["definition"])["States"].values():
        parameters = state.get("Parameters", {})
        if "QueueUrl" in parameters:
            queue = parameters["QueueUrl"].rpartition("/")[2]
            yield Sent(f"state machine {found['name']}", queue, _type(parameters["MessageBody"]))


def by_schedule(rule: str, target: Mapping[str, Any]) -> Iterator[Sent]:
    """What the rule writes for this target instead of its event."""
    if template := target.get("InputTransformer", {}).get("InputTemplate"):
        message = json.loads(_VARIABLE.sub("null", template))
        yield Sent(f"rule {rule}", target["Arn"].rpartition(":")[2], _type(message))


def _type(message: Mapping[str, Any]) -> tuple[str, str]:
    return message["source"], message["detail-type"]
