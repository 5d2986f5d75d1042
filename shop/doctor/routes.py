"""The routes on which messages reach consumers: who sends to a queue, the queue, and the process that receives."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

from bootstrap.aws import Aws
from bootstrap.manifests import Process
from bootstrap.names import Names
from bootstrap.templates import Rule
from shop.doctor.sent import Sent

# Source and detail-type.
EventType = tuple[str, str]


@dataclass(frozen=True)
class Route:
    """`consumer` is a process, `module` what it runs. `types` are the messages that the sender sends.

    `rule` is empty if the queue gets its messages past the bus: from a state machine or from a schedule.
    """

    aws: Aws
    sender: str
    rule: str
    queue: str
    consumer: str
    module: str
    types: tuple[EventType, ...]
    rule_dead_letters: str | None

    def __str__(self) -> str:
        return f"{self.sender} → queue {self.queue} → {self.consumer}"

    @cached_property
    def url(self) -> str:
        return self.aws.sqs.get_queue_url(QueueName=self.queue)["QueueUrl"]

    def attributes(self) -> Mapping[str, str]:
        answer = self.aws.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        return {str(name): text for name, text in answer["Attributes"].items()}

    def queue_dead_letters(self) -> str | None:
        """The ARN of the queue's own dead-letter queue."""
        arn: str | None = json.loads(self.attributes().get("RedrivePolicy") or "{}").get("deadLetterTargetArn")
        return arn


def routes(aws: Aws, names: Names, rules: Sequence[Rule], processes: Sequence[Process]) -> Iterator[Route | str]:
    """Of each target of a rule on the shop's bus. The text instead of a route says why it cannot be tested."""
    readers = _readers(names, processes)
    for rule in rules:
        if not rule.pattern:
            continue
        types = event_types(rule.pattern)
        for target in aws.events.list_targets_by_rule(Rule=rule.name, EventBusName=rule.bus)["Targets"]:
            _, _, service, _, _, queue = target["Arn"].split(":", 5)
            if service == "sns":
                yield f"rule {rule.name} → topic {queue}, whose subscribers get no test messages"
            elif service != "sqs":
                continue
            elif queue not in readers:
                yield f"rule {rule.name} → queue {queue}, from which no process receives"
            elif not types:
                yield f"rule {rule.name}, whose pattern asks for more than a source and a detail-type"
            else:
                consumer, dead_letters = readers[queue], target.get("DeadLetterConfig", {}).get("Arn")
                sender = f"rule {rule.name}"
                yield Route(aws, sender, rule.name, queue, consumer.name, consumer.run, tuple(types), dead_letters)


def direct_routes(aws: Aws, names: Names, sent: Iterable[Sent], processes: Sequence[Process]) -> Iterator[Route | str]:
    """Of messages that reach their queue past the bus. The text says why messages to a queue cannot be tested."""
    readers, types = _readers(names, processes), dict[tuple[str, str], list[EventType]]()
    for each in sent:
        types.setdefault((each.sender, each.queue), []).append(each.type)
    for (sender, queue), found in types.items():
        if reader := readers.get(queue):
            yield Route(aws, sender, "", queue, reader.name, reader.run, tuple(found), None)
        else:
            yield f"{sender} → queue {queue}, from which no process receives"


def event_types(pattern: Mapping[str, Any]) -> list[EventType]:
    """The events that match `pattern` by source and detail-type alone. None if it asks for anything else."""
    sources, detail_types = pattern.get("source", []), pattern.get("detail-type", [])
    plain = all(isinstance(value, str) for value in (*sources, *detail_types))
    return list(product(sources, detail_types)) if plain and set(pattern) == {"source", "detail-type"} else []


def _readers(names: Names, processes: Sequence[Process]) -> Mapping[str, Process]:
    return {f"{names.shop}-{queue}": process for process in processes for queue in _received_by(process)}


def _received_by(process: Process) -> Iterator[str]:
    for resource, actions in process.allow.items():
        service, _, name = resource.partition(":")
        if service == "sqs" and "ReceiveMessage" in actions:
            yield name
