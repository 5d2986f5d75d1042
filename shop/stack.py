"""`shop stack`: the CloudFormation stacks, by the commands of `python -m bootstrap`."""

from typing import Annotated, Literal

import typer

from bootstrap.errors import Misused
from shop.target import OnAws, enter

Services = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SERVICE]...", help="Only these services, or `platform`. Without one, all."),
]
ReallyAws = Annotated[bool, typer.Option("--really-aws", help="Needed with --aws where data would be deleted.")]

Engine = Annotated[
    Literal["fargate", "lambda"] | None,
    typer.Option("--run", help="Also run the services on AWS so. `status`, `down` and `--force` then take only that."),
]

stack = typer.Typer(help="Plan, create, change, show or delete the CloudFormation stacks.", no_args_is_help=True)


@stack.command()
def plan(services: Services = None, *, run: Engine = None, aws: OnAws = False) -> None:
    """Show what `up` would change."""
    _bootstrap("plan", services, run, aws=aws)


@stack.command()
def up(
    services: Services = None,
    *,
    run: Engine = None,
    force: Annotated[bool, typer.Option("--force", help="Delete the stacks first, with all data.")] = False,
    really_aws: ReallyAws = False,
    aws: OnAws = False,
) -> None:
    """Create the stacks, or change them to what the templates say."""
    _bootstrap("up", services, run, aws=aws, force=force, really_aws=really_aws)


@stack.command()
def status(services: Services = None, *, run: Engine = None, aws: OnAws = False) -> None:
    """Show the stacks, their queues and outputs."""
    _bootstrap("status", services, run, aws=aws)


@stack.command()
def down(services: Services = None, *, run: Engine = None, really_aws: ReallyAws = False, aws: OnAws = False) -> None:
    """Delete the stacks, with all data."""
    _bootstrap("down", services, run, aws=aws, really_aws=really_aws)


def _bootstrap(command: str, services: list[str] | None, run: str | None, *, aws: bool, **flags: bool) -> None:
    from bootstrap import __main__ as bootstrap

    if run and not aws:
        raise Misused("--run needs --aws: the emulator here runs no services. `make run` and `make up` start them")
    options = [f"--{name.replace('_', '-')}" for name, on in flags.items() if on]
    options += ["--run", run] if run else []
    raise typer.Exit(bootstrap.main([command, *(services or ()), *options], enter(aws=aws)))
