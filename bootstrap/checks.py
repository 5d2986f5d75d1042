"""What `up` checks before it deletes or changes anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bootstrap import stacks
from bootstrap.errors import Misused
from bootstrap.fargate import NETWORK
from bootstrap.names import FRONT, PLATFORM
from bootstrap.stack import created

if TYPE_CHECKING:
    from bootstrap.context import Context
    from bootstrap.templates import Template

_REPOSITORY = "AWS::ECR::Repository"


def checked(context: Context, chosen: list[Template], renewed: list[Template]) -> list[Template]:
    """As they can be deployed after those `renewed` are deleted. Raises Failed or Misused for what would stop that."""
    if not (renewed and context.whole):
        stacks.refuse_former(context.aws, context.names)
    coming = {template.service: template for template in chosen}
    ready = [_ready(context, template, coming) for template in chosen]
    _refuse_lost_images(context, ready, renewed)
    return ready


def _ready(context: Context, template: Template, coming: dict[str, Template]) -> Template:
    template.parameters()  # raises Misused for a template that cannot be read
    if template.service not in (PLATFORM, FRONT) and PLATFORM not in coming:
        stacks.require_platform(context.aws, context.names)
    return context.prepared(template, coming)


def _refuse_lost_images(context: Context, ready: list[Template], renewed: list[Template]) -> None:
    """The repositories of the network are deleted with their images."""
    network = next((context.stack(it) for it in renewed if it.service == NETWORK), None)
    if not network or not network.status():
        return
    gone = created(network.resources(), _REPOSITORY)
    own = re.compile(rf"\d+\.dkr\.ecr\.{context.aws.region}\.[^/]+/(?:{'|'.join(map(re.escape, gone)) or '(?!)'})@.+")
    if lost := [it.stack for it in ready if own.fullmatch(it.settings.get("Image", ""))]:
        raise Misused(
            f"refused: --force would delete {network.name} with the images that {', '.join(lost)} need. Name the "
            "services to keep it, as in `up product-run --run fargate --force`. Or begin anew with "
            f"{context.aws.command('down --run fargate', context.names.shop)}, and push the images again"
        )
