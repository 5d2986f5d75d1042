"""Deploys the shop's templates for a test, as they are or with one changed setting."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bootstrap.clock import Clock
from bootstrap.names import Names
from bootstrap.templates import ROOT, load
from tests import aws_clients


def tree(root: Path, **changes: Callable[[str], str]) -> Path:
    """Copies all templates to `root` and changes those of the named services."""
    for template in load(Names("shop")):
        copy = root / template.path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        change = changes.get(template.service, str)
        copy.write_text(change(template.text))
        assert template.service not in changes or copy.read_text() != template.text, "nothing was changed"
    return root


def deploy(env: Mapping[str, str], setting: str = "", value: int = 0) -> None:
    """Sets the number `setting` to `value` in all templates. The services need the platform's bus."""
    bodies = {template.stack: template.text for template in load(Names(env["SHOP_NAME"]))}
    if setting:
        changed = {name: re.subn(rf"{setting}: \d+", f"{setting}: {value}", body) for name, body in bodies.items()}
        assert any(found for _, found in changed.values()), f"no template has {setting}"
        bodies = {name: body for name, (body, _) in changed.items()}
    platform, *services = bodies
    create({platform: bodies[platform]}, env["SHOP_NAME"])
    create({name: bodies[name] for name in services}, env["SHOP_NAME"])


def create(bodies: Mapping[str, str], shop: str | None = None) -> None:
    """Creates all stacks at once, without `bootstrap`. Returns when they are complete."""
    cloudformation = aws_clients.client("cloudformation")
    parameters: Any = [{"ParameterKey": "Shop", "ParameterValue": shop}] if shop else []
    for name, body in bodies.items():
        cloudformation.create_stack(StackName=name, TemplateBody=body, Parameters=parameters)
    for name in bodies:
        assert _final(cloudformation, name) == "CREATE_COMPLETE", name


def _final(cloudformation: Any, name: str) -> str:
    for _ in Clock().polls(120, first=0.02, longest=1):
        status = str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        if status != "CREATE_IN_PROGRESS":
            return status
    return "too slow"
