"""The options of `shop notifications`."""

from typing import Annotated

import typer

from shop.target import OnAws

_SHOWN = 20
_MOST = 1_000_000


def notifications(
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="At most this many.")] = _SHOWN,
    *,
    body: Annotated[bool, typer.Option("--body", help="Print whole bodies too. They hold personal data.")] = False,
    aws: OnAws = False,
) -> None:
    """Show the notifications of the last day. They stay in their queue."""
    from shop.connection import open_connection
    from shop.notifications.peek import show

    raise typer.Exit(show(open_connection(on_aws=aws), limit=limit, body=body))
