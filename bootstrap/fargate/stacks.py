"""The stacks of `--run fargate`, and what each needs of those before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.aws import emulates
from bootstrap.clock import Clock
from bootstrap.deployed import parameters
from bootstrap.errors import Failed
from bootstrap.manifests import manifests
from bootstrap.names import Names
from bootstrap.stack import SUCCESS, Stack
from bootstrap.templates import Template

if TYPE_CHECKING:
    from bootstrap.aws import Aws

NETWORK = "network"
_SUFFIX = "-run"


def run_of(service: str) -> str:
    """The name of the stack with the service's containers, without the shop's name."""
    return f"{service}{_SUFFIX}"


def templates(names: Names, root: Path, settings: Mapping[str, str]) -> list[Template]:
    """The network first. A process that is called comes before those that call it, or they would not find it."""
    folder = root / "bootstrap" / "fargate"
    services = [manifest.service for manifest in manifests(root)]
    own = {service: {"Image": settings.get(f"ImageOf{service}", "")} for service in services}
    runs = [Template(names, run_of(it), folder / f"{it}.yaml", {**settings, **own[it]}) for it in services]
    return [Template(names, NETWORK, folder / "network.yaml", settings), *runs]


def prepared(aws: Aws, template: Template, coming: Mapping[str, Template]) -> Template:
    """Without SHOP_IMAGES with the image that runs and its architecture."""
    if template.service == NETWORK:
        return template
    if NETWORK not in coming:
        _outputs(aws, template.names)
    kept = {} if template.settings["Image"] else _running(Stack(aws.cloudformation, template.stack, Clock()))
    own = {**template.settings, **kept}
    if not own["Image"]:
        service = template.service.removesuffix(_SUFFIX)
        raise Failed(
            f"{template.stack} needs the image of {service}: "
            'run eval "$(.venv/bin/shop image push)", which sets SHOP_IMAGES'
        )
    return replace(template, settings=own)


def completed(aws: Aws, template: Template) -> Template:
    """As `prepared`, with the outputs of the network."""
    if template.service == NETWORK:
        return template
    found = prepared(aws, template, {})
    return replace(found, settings={**found.settings, **_outputs(aws, template.names)})


def refusal(aws: Aws, names: Names) -> str | None:
    """Why the containers cannot be deployed here, or None."""
    if names.shop != names.shop.lower():
        return f"the names of image repositories have no capitals: choose another SHOP_NAME than {names.shop}"
    if aws.emulator and not emulates(aws, "ecs"):
        return "this emulator runs no containers. `make up` starts the shop in containers without ECS"
    return None


def _outputs(aws: Aws, names: Names) -> Mapping[str, str]:
    """Those of the network."""
    network = Stack(aws.cloudformation, names.stack_of(NETWORK), Clock()).describe()
    if network is None or network["StackStatus"] not in SUCCESS:
        raise Failed(f"{names.stack_of(NETWORK)} comes first: {aws.command(f'up {NETWORK} --run fargate', names.shop)}")
    return {it["OutputKey"]: it["OutputValue"] for it in network.get("Outputs", [])}


def _running(stack: Stack) -> dict[str, str]:
    """The parameters of the image with which a stack was deployed, or none."""
    return {name: value for name, value in parameters(stack.describe()).items() if name in ("Image", "Architecture")}
