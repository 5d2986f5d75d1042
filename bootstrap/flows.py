"""How messages flow through a shop, read from its templates and manifests. No name has the name of the shop in it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from bootstrap.manifests import Manifest, Process
from bootstrap.templates import RULE, STATE_MACHINE, Template

_QUEUE, _TOPIC, _TABLE = "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::DynamoDB::Table"
_SUBSCRIPTION = "AWS::SNS::Subscription"
_COMMANDED = re.compile(r'"QueueUrl": "[^"]*/\$\{Shop\}-([^"]+)"')
_OUTBOX = "-outbox"


class Route(NamedTuple):
    """A rule, the service whose template has it, and one of its targets. A rule with a schedule has no pattern."""

    rule: str
    service: str
    target: str
    pattern: Mapping[str, Any]
    schedule: str
    dead_letters: str

    @property
    def detail_types(self) -> list[str]:
        return [*self.pattern.get("detail-type", ())]

    @property
    def sources(self) -> list[str]:
        return [*self.pattern.get("source", ())]


class Subscription(NamedTuple):
    """What a topic of events sends to: a queue, or "" for a mailbox."""

    topic: str
    queue: str
    dead_letters: str


@dataclass(frozen=True)
class Flows:
    """`queues` are those that get work, with their dead-letter queue or "". `commands` pairs a machine and a queue."""

    routes: Sequence[Route]
    subscriptions: Sequence[Subscription]
    queues: Mapping[str, str]
    topics: Sequence[str]
    outboxes: Sequence[str]
    commands: Sequence[tuple[str, str]]
    manifests: Sequence[Manifest]

    @property
    def processes(self) -> list[Process]:
        return [process for manifest in self.manifests for process in manifest.process]

    @property
    def dead_letter_queues(self) -> list[str]:
        """Those of rules, queues and subscriptions."""
        of_rules, of_topics = ([each.dead_letters for each in found] for found in (self.routes, self.subscriptions))
        return [*dict.fromkeys(filter(None, (*of_rules, *self.queues.values(), *of_topics)))]

    def allowed(self, action: str, resource: str) -> list[str]:
        """The processes whose manifest allows the action, as `("ReceiveMessage", "sqs:order")`."""
        return [process.name for process in self.processes if action in process.allow.get(resource, ())]

    def readers(self, queue: str) -> list[str]:
        return self.allowed("ReceiveMessage", f"sqs:{queue}")

    def writers(self, outbox: str) -> list[str]:
        """The processes that make events."""
        return self.allowed("PutItem", f"dynamodb:table/{outbox}")

    def publishers(self, source: str) -> list[str]:
        """The processes that make events of a source, whose third part is the name of their service."""
        service = [*source.split("."), "", ""][2]
        own = {each.name for manifest in self.manifests if manifest.service == service for each in manifest.process}
        return [name for outbox in self.outboxes for name in self.writers(outbox) if name in own]

    def arrivals(self, target: str) -> list[str]:
        """The queues in which messages to a target arrive: itself, or those that subscribe to it."""
        behind = [each.queue for each in self.subscriptions if each.topic == target and each.queue]
        return behind if target in self.topics else [target]


def read(templates: Sequence[Template], manifests: Sequence[Manifest]) -> Flows:
    parts = [_Part(template) for template in templates]
    routes = [route for part in parts for route in part.routes()]
    topics = {route.target for route in routes}
    subscriptions = [each for part in parts for each in part.subscriptions() if each.topic in topics]
    redrives = {name: dead for part in parts for name, dead in part.redrives()}
    dead = {*redrives.values(), *(it.dead_letters for it in routes), *(it.dead_letters for it in subscriptions)}
    targets = {*(route.target for route in routes), *(each.queue for each in subscriptions)}
    commands = [*dict.fromkeys(each for part in parts for each in part.commands())]
    work = targets | {queue for _, queue in commands}
    return Flows(
        routes,
        subscriptions,
        {name: redrives[name] for name in redrives if name in work - dead},
        [name for part in parts for name in part.of(_TOPIC) if name in work],
        [name for part in parts for name in part.of(_TABLE) if name.endswith(_OUTBOX)],
        commands,
        manifests,
    )


class _Part:
    """What one template has of it."""

    def __init__(self, template: Template) -> None:
        self._template = template
        prefix = f"{template.names.shop}-"
        self._names = {
            key: (kind, name.removeprefix(prefix)) for key, (kind, name) in template.physical_names().items()
        }

    def of(self, kind: str) -> list[str]:
        return [name for found, name in self._names.values() if found == kind]

    def routes(self) -> Iterator[Route]:
        for key, its in self._resources(RULE):
            for target in its.get("Targets", ()):
                dead = self._named(target.get("DeadLetterConfig", {}).get("Arn"))
                pattern, schedule = its.get("EventPattern", {}), its.get("ScheduleExpression", "")
                name, goal = self._names[key][1], self._named(target["Arn"])
                yield Route(name, self._template.service, goal, pattern, schedule, dead)

    def subscriptions(self) -> Iterator[Subscription]:
        for _, its in self._resources(_SUBSCRIPTION):
            dead = self._named(its.get("RedrivePolicy", {}).get("deadLetterTargetArn"))
            yield Subscription(self._named(its["TopicArn"]), self._named(its["Endpoint"]), dead)

    def redrives(self) -> Iterator[tuple[str, str]]:
        for key, its in self._resources(_QUEUE):
            yield self._names[key][1], self._named(its.get("RedrivePolicy", {}).get("deadLetterTargetArn"))

    def commands(self) -> Iterator[tuple[str, str]]:
        for key, its in self._resources(STATE_MACHINE):
            yield from ((self._names[key][1], queue) for queue in _COMMANDED.findall(its["DefinitionString"]))

    def _resources(self, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        return ((key, found["Properties"]) for key, found in self._template.resources if found["Type"] == kind)

    def _named(self, reference: Any) -> str:
        """The name of what `!Ref` or `!GetAtt` refers to, "" if that is not in the template."""
        return self._names.get(str(reference).partition(".")[0], ("", ""))[1]
