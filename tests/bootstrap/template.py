"""The template as CloudFormation would read it, without an account."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cfnlint import decode

SHOP = Path(__file__).parents[2] / "bootstrap" / "shop.yaml"
PSEUDO = {
    "AWS::StackName": "shop",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
}


def read(stack: str = "shop") -> Mapping[str, Any]:
    """The resources of a stack of that name."""
    template, problems = decode.decode(str(SHOP))
    assert not problems
    return dict(_resolved(template, PSEUDO | {"AWS::StackName": stack})["Resources"])


def _resolved(node: Any, pseudo: Mapping[str, str]) -> Any:
    """`!GetAtt` becomes "Resource.Arn", `!Ref` "Resource"."""
    if isinstance(node, list):
        return [_resolved(item, pseudo) for item in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"Fn::Sub"}:
        return re.sub(r"\$\{([^}]+)\}", lambda name: pseudo[name[1]], node["Fn::Sub"])
    if set(node) == {"Fn::GetAtt"}:
        return ".".join(node["Fn::GetAtt"]) if isinstance(node["Fn::GetAtt"], list) else node["Fn::GetAtt"]
    if set(node) == {"Ref"}:
        return pseudo.get(node["Ref"], node["Ref"])
    return {str(key): _resolved(value, pseudo) for key, value in node.items()}


def of_type(resources: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Any]]:
    found = [(name, r["Properties"]) for name, r in resources.items() if r["Type"] == kind]
    assert found
    yield from found


def dead_letter_queues(resources: Mapping[str, Any]) -> set[str]:
    return {name for name, queue in of_type(resources, "AWS::SQS::Queue") if queue["QueueName"].endswith("-dlq")}
