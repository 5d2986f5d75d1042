"""`shop package` and `shop lambda`."""

from typing import Annotated, Literal

import typer

from shop.output import say
from shop.settings import Settings


def package(
    context: typer.Context,
    machine: Annotated[
        Literal["arm64", "x86_64", "here"], typer.Option("--for", help="The processor, or `here` for an emulator.")
    ] = "arm64",
    *,
    boto3: Annotated[bool, typer.Option(help="Without it, the functions use the version that Lambda has.")] = True,
) -> None:
    """Make the zips from which `up --run lambda` runs the services."""
    from shop.package import zips

    folder = Settings.from_env(context.obj).var / "functions"
    for made in zips.package(folder, machine, context.obj, with_boto3=boto3):
        say(f"{made.path}  {made.bytes / 1e6:.1f} MB, {made.unpacked / 1e6:.1f} MB unpacked")


def lambda_(context: typer.Context) -> None:
    """Run the shop as Lambda functions on an emulator of its own. Ctrl-C stops it."""
    from shop.package import emulated

    emulated.run(Settings.from_env(context.obj), context.obj, say)
