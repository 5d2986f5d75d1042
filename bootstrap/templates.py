"""The CloudFormation templates of a shop: one for the platform and one for each service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from bootstrap.errors import Misused
from bootstrap.names import PLATFORM, Names

ROOT = Path(__file__).resolve().parent.parent
# In bytes, the most that CreateChangeSet takes as TemplateBody ("AWS CloudFormation quotas").
LARGEST = 51_200
RULE = "AWS::Events::Rule"
# The property that holds the physical name.
_NAMED_BY = {
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Events::EventBus": "Name",
    RULE: "Name",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
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
    """What one stack of a shop is made from. `service` is a service's name or "platform"."""

    names: Names
    service: str
    path: Path

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

    def physical_names(self) -> dict[str, tuple[str, str]]:
        """The type and the physical name of each resource that has a name, by logical id."""
        named = ((key, r["Type"], r["Properties"].get(_NAMED_BY.get(r["Type"], ""))) for key, r in self._resources)
        return {key: (kind, self._named(name)) for key, kind, name in named if name}

    def rules(self) -> list[Rule]:
        return [
            Rule(
                key,
                self._named(rule["Properties"]["Name"]),
                self._named(rule["Properties"].get("EventBusName", "default")),
                tuple(target["Id"] for target in rule["Properties"].get("Targets", ())),
                rule["Properties"].get("EventPattern", {}),
            )
            for key, rule in self._resources
            if rule["Type"] == RULE
        ]

    def _named(self, text: str) -> str:
        return text.replace("${Shop}", self.names.shop)

    @cached_property
    def _resources(self) -> list[tuple[str, Mapping[str, Any]]]:
        try:
            found = yaml.load(self.text, _Loader)["Resources"]  # noqa: S506 a subclass of SafeLoader
            return [(key, {"Properties": {}} | resource) for key, resource in found.items()]
        except (yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
            raise Misused(f"{self.path} is not a CloudFormation template: {error}") from error


def load(names: Names, root: Path = ROOT) -> list[Template]:
    """All templates of the shop, in the order in which their stacks are created: the platform first."""
    found = sorted(root.glob("services/*/template.yaml"))
    platform = Template(names, PLATFORM, root / "bootstrap" / "platform.yaml")
    return [platform, *(Template(names, path.parent.name, path) for path in found)]


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
