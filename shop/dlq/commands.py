"""The options of `shop dlq list|show|redrive|drop`."""

from typing import Annotated

import typer

from shop.target import OnAws

_SHOWN = 20
_MOST = 1_000_000
dlq = typer.Typer(no_args_is_help=True, help="List, show, redrive or drop the messages of dead-letter queues.")

Queue = Annotated[
    str | None, typer.Argument(metavar="[QUEUE]", help="A queue's name, with or without the shop's. Default: all.")
]
Message = Annotated[list[str] | None, typer.Option(metavar="ID", help="Only this message. May be repeated.")]
Limit = Annotated[int | None, typer.Option(min=1, max=_MOST, help="At most this many, whichever come first: a trial.")]


@dlq.command("list")
def list_(*, aws: OnAws = False) -> None:
    """Every dead-letter queue: number of messages, age of the oldest, alarm, and where a redrive puts them."""
    from shop.connection import open_connection
    from shop.dlq import operations

    raise typer.Exit(operations.list_queues(open_connection(on_aws=aws)))


@dlq.command()
def show(
    queue: Queue = None,
    message: Message = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="At most this many of each queue.")] = _SHOWN,
    *,
    body: Annotated[bool, typer.Option("--body", help="Print whole bodies too. They hold personal data.")] = False,
    aws: OnAws = False,
) -> None:
    """Each message: why it is there, what it is about, and where to look in the log."""
    from shop.connection import open_connection
    from shop.dlq import operations

    raise typer.Exit(operations.show(open_connection(on_aws=aws), queue, message or [], limit=limit, body=body))


@dlq.command()
def redrive(
    queue: Queue = None,
    message: Message = None,
    limit: Limit = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All messages that are there now.")] = False,
    aws: OnAws = False,
) -> None:
    """Put messages back to where they failed."""
    if [bool(message), limit is not None, everything].count(True) != 1:
        raise typer.BadParameter("give exactly one of --message, --limit and --all")
    from shop.connection import open_connection
    from shop.dlq import operations

    raise typer.Exit(operations.redrive(open_connection(on_aws=aws), queue, message or [], limit))


@dlq.command()
def drop(
    queue: Queue = None,
    *,
    message: Annotated[list[str], typer.Option(metavar="ID", help="This message. May be repeated.")],
    aws: OnAws = False,
    really_aws: Annotated[bool, typer.Option("--really-aws", help="Delete them although this is AWS.")] = False,
) -> None:
    """Print messages as JSON and delete them for good."""
    from shop.connection import open_connection
    from shop.dlq import operations

    raise typer.Exit(operations.drop(open_connection(on_aws=aws), queue, message, really_aws=really_aws))
