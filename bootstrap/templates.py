"""The CloudFormation templates of a shop: one for the platform and one for each service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from bootstrap.errors import Misused
from bootstrap.names import PLATFORM, ROOM, Names
from bootstrap.rules import DEFAULT_BUS

ROOT = Path(__file__).resolve().parent.parent
# In bytes, the most that CreateChangeSet takes as TemplateBody ("AWS CloudFormation quotas").
LARGEST = 51_200
RULE = "AWS::Events::Rule"
STATE_MACHINE = "AWS::StepFunctions::StateMachine"
# The property that holds the physical name.
_NAMED_BY = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::CompositeAlarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    RULE: "Name",
    "AWS::IAM::Role": "RoleName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    STATE_MACHINE: "StateMachineName",
}


@dataclass(frozen=True)
class Rule:
    """A rule as its template describes it. `targets` are their ids."""

    logical_id: str
    name: str
    bus: str
    targets: tuple[str, ...]
    pattern: Mapping[str, Any]


@dataclass(frozen=True)
class Template:
    """What one stack of a shop is made from. `service` is a service's name or "platform".

    `settings` are values of parameters by their names. Each template takes those that it declares.
    """

    names: Names
    service: str
    path: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def stack(self) -> str:
        return self.names.stack_of(self.service)

    @cached_property
    def text(self) -> str:
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Misused(f"cannot read the template {self.path}: {error}") from error
        if (size := len(text.encode())) > LARGEST:
            raise Misused(f"{self.path} has {size:,} bytes, but CloudFormation takes at most {LARGEST:,}: shorten it")
        return text

    def parameters(self) -> dict[str, str]:
        """The values that it is deployed with. A parameter that has none here gets its default."""
        declared = self._document.get("Parameters", {})
        own = {name: value for name, value in self.settings.items() if name in declared}
        return {"Shop": self.names.shop} | own

    def physical_names(self) -> dict[str, tuple[str, str]]:
        """The type and the physical name of each resource that has a name, by logical id."""
        named = ((key, r["Type"], r["Properties"].get(_NAMED_BY.get(r["Type"], ""))) for key, r in self.resources)
        return {key: (kind, self._named(name)) for key, kind, name in named if name}

    def rules(self) -> list[Rule]:
        return [
            Rule(
                key,
                self._named(rule["Properties"]["Name"]),
                self._named(rule["Properties"].get("EventBusName", DEFAULT_BUS)),
                tuple(target["Id"] for target in rule["Properties"].get("Targets", ())),
                rule["Properties"].get("EventPattern", {}),
            )
            for key, rule in self.resources
            if rule["Type"] == RULE
        ]

    def _named(self, text: str) -> str:
        return text.replace("${Shop}", self.names.shop)

    @cached_property
    def resources(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Each with its logical id. CloudFormation's short forms, as `!Sub`, are the text behind them."""
        return [(key, {"Properties": {}} | resource) for key, resource in self._document["Resources"].items()]

    @cached_property
    def _document(self) -> Mapping[str, Any]:
        try:
            found = yaml.load(self.text, _Loader)  # noqa: S506 a subclass of SafeLoader
            return {**found, "Resources": dict(found["Resources"])}
        except (yaml.YAMLError, TypeError, KeyError, ValueError) as error:
            raise Misused(f"{self.path} is not a CloudFormation template: {error}") from error


def load(names: Names, root: Path = ROOT, settings: Mapping[str, str] | None = None) -> list[Template]:
    """All templates of the shop, in the order in which their stacks are created: the platform first."""
    found = sorted(root.glob("services/*/template.yaml"))
    platform = Template(names, PLATFORM, root / "bootstrap" / "platform.yaml", settings or {})
    return [platform, *(Template(names, path.parent.name, path, settings or {}) for path in found)]


def tap(names: Names, root: Path = ROOT) -> Template:
    """`load` leaves it out, because only the machine room deploys it, and only on an emulator."""
    return Template(names, ROOM, root / "bootstrap" / "room.yaml")


def choose(templates: Sequence[Template], services: Sequence[str]) -> list[Template]:
    """Those of the named services in the order of creation; all of them if no service is named."""
    known = [template.service for template in templates]
    if unknown := [service for service in services if service not in known]:
        raise Misused(f"there is no template of {unknown[0]!r}: choose from {', '.join(known)}")
    return [template for template in templates if not services or template.service in services]


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as the text behind them."""


def _text(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else None


_Loader.add_multi_constructor("!", _text)
