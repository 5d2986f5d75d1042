"""All templates of the shop as CloudFormation would read them, without an account."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cfnlint import decode

from bootstrap.names import Names
from bootstrap.templates import load

PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
    "AWS::URLSuffix": "amazonaws.com",
}


def read(shop: str = "shop") -> dict[str, Any]:
    """The resources of all stacks of a shop. A logical id that two templates share would hide a resource."""
    resources: dict[str, Any] = {}
    for template in load(Names(shop)):
        found = resources_of(template.path, shop)
        assert not resources.keys() & found.keys(), f"{template.path}: choose logical ids that no other template has"
        resources |= found
    return resources


def resources_of(path: Path, shop: str = "shop") -> Mapping[str, Any]:
    return dict(template_with({"Shop": shop}, path)["Resources"])


def template_with(values: Mapping[str, str], path: Path) -> Mapping[str, Any]:
    """A template with values in the place of its parameters: these, or their defaults."""
    template, problems = decode.decode(str(path))
    assert not problems
    parameters = template.get("Parameters", {})
    defaults = {name: str(parameters[name]["Default"]) for name in parameters if "Default" in parameters[name]}
    return dict(_resolved(template, {**PSEUDO, **defaults, **values}))


def _resolved(node: Any, known: Mapping[str, str]) -> Any:
    """`!GetAtt` becomes "Resource.Arn", `!Ref` "Resource"."""
    if isinstance(node, list):
        return [_resolved(item, known) for item in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"Fn::Sub"}:
        text, own = node["Fn::Sub"] if isinstance(node["Fn::Sub"], list) else (node["Fn::Sub"], {})
        values = {**known, **{name: it.get("Fn::ImportValue") for name, it in own.items()}}
        return re.sub(r"\$\{([^}]+)\}", lambda name: str(values.get(name[1], name[1])), text)
    if set(node) == {"Fn::GetAtt"}:
        return ".".join(node["Fn::GetAtt"]) if isinstance(node["Fn::GetAtt"], list) else node["Fn::GetAtt"]
    if set(node) == {"Ref"}:
        return known.get(node["Ref"], node["Ref"])
    return {str(key): _resolved(value, known) for key, value in node.items()}


def of_type(resources: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Any]]:
    found = [(name, r["Properties"]) for name, r in resources.items() if r["Type"] == kind]
    assert found
    yield from found


def dead_letter_queues(resources: Mapping[str, Any]) -> set[str]:
    return {name for name, queue in of_type(resources, "AWS::SQS::Queue") if queue["QueueName"].endswith("-dlq")}
