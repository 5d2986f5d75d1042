"""The options of `shop image push`."""

import sys
from typing import Annotated

import typer

from shop.output import say
from shop.target import enter

image = typer.Typer(help="Push the images of the services to AWS.", no_args_is_help=True)


@image.callback()
def images() -> None:
    """Push the images of the services to AWS."""


@image.command()
def push(
    services: Annotated[
        list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Only these services. Without one, all.")
    ] = None,
) -> None:
    """Build the images, push them to the shop's repositories on AWS, and print the settings for `up --run fargate`.

    Use it as eval "$(.venv/bin/shop image push)".
    """
    from bootstrap.aws import real_session
    from bootstrap.errors import Misused
    from bootstrap.manifests import manifests
    from shop.images import push as pushing
    from shop.images.builder import Builder
    from shop.settings import ROOT

    env = enter(aws=True)
    known = [manifest.service for manifest in manifests()]
    if unknown := [it for it in services or () if it not in known]:
        raise Misused(f"There is no service {unknown[0]}: choose from {', '.join(known)}.")
    ecr = real_session(env).client("ecr")
    for line in pushing.push(ecr, Builder(ROOT), env["SHOP_NAME"], services or known, _progress):
        say(line)


def _progress(line: str) -> None:
    sys.stderr.write(f"{line}\n")
