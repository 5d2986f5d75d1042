"""The routes on which events reach consumers: a rule, the queue it feeds, and the process that receives from it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

from bootstrap.aws import Aws
from bootstrap.manifests import Process
from bootstrap.names import Names
from bootstrap.templates import Rule

# Source and detail-type.
EventType = tuple[str, str]


@dataclass(frozen=True)
class Route:
    """`consumer` is a process, `module` what it runs. `types` are the events that the rule's template lets through."""

    aws: Aws
    rule: str
    queue: str
    consumer: str
    module: str
    types: tuple[EventType, ...]
    rule_dead_letters: str | None

    def __str__(self) -> str:
        return f"rule {self.rule} → queue {self.queue} → {self.consumer}"

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
    """Of each rule that feeds a queue. The text instead of a route says why it cannot be tested."""
    readers = {f"{names.shop}-{queue}": process for process in processes for queue in _received_by(process)}
    for rule in rules:
        types = event_types(rule.pattern)
        for target in aws.events.list_targets_by_rule(Rule=rule.name, EventBusName=rule.bus)["Targets"]:
            _, _, service, _, _, queue = target["Arn"].split(":", 5)
            if service != "sqs":
                continue
            if queue not in readers:
                yield f"rule {rule.name} → queue {queue}, from which no process receives"
            elif not types:
                yield f"rule {rule.name}, whose pattern asks for more than a source and a detail-type"
            else:
                consumer, dead_letters = readers[queue], target.get("DeadLetterConfig", {}).get("Arn")
                yield Route(aws, rule.name, queue, consumer.name, consumer.run, tuple(types), dead_letters)


def event_types(pattern: Mapping[str, Any]) -> list[EventType]:
    """The events that match `pattern` by source and detail-type alone. None if it asks for anything else."""
    sources, detail_types = pattern.get("source", []), pattern.get("detail-type", [])
    plain = all(isinstance(value, str) for value in (*sources, *detail_types))
    return list(product(sources, detail_types)) if plain and set(pattern) == {"source", "detail-type"} else []


def _received_by(process: Process) -> Iterator[str]:
    for resource, actions in process.allow.items():
        service, _, name = resource.partition(":")
        if service == "sqs" and "ReceiveMessage" in actions:
            yield name
