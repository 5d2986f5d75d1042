"""`shop stack`: the CloudFormation stacks, by the commands of `python -m bootstrap`."""

from typing import Annotated

import typer

from shop.target import OnAws, enter

Services = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SERVICE]...", help="Only these services, or `platform`. Without one, all."),
]
ReallyAws = Annotated[bool, typer.Option("--really-aws", help="Needed with --aws where data would be deleted.")]

stack = typer.Typer(help="Plan, create, change, show or delete the CloudFormation stacks.", no_args_is_help=True)


@stack.command()
def plan(services: Services = None, *, aws: OnAws = False) -> None:
    """Show what `shop stack up` would change."""
    _bootstrap("plan", services, aws=aws)


@stack.command()
def up(
    services: Services = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Delete the stacks first, with all data.")] = False,
    really_aws: ReallyAws = False,
    aws: OnAws = False,
) -> None:
    """Create the stacks, or change them to what the templates say."""
    _bootstrap("up", services, aws=aws, force=force, really_aws=really_aws)


@stack.command()
def status(services: Services = None, *, aws: OnAws = False) -> None:
    """Show the stacks, their queues and outputs."""
    _bootstrap("status", services, aws=aws)


@stack.command()
def down(services: Services = None, *, really_aws: ReallyAws = False, aws: OnAws = False) -> None:
    """Delete the stacks, with all data."""
    _bootstrap("down", services, aws=aws, really_aws=really_aws)


def _bootstrap(command: str, services: list[str] | None, *, aws: bool, **flags: bool) -> None:
    from bootstrap import __main__ as bootstrap

    options = [f"--{name.replace('_', '-')}" for name, on in flags.items() if on]
    raise typer.Exit(bootstrap.main([command, *(services or ()), *options], enter(aws=aws)))
