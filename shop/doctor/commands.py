"""The options of `shop doctor`."""

from typing import Annotated

import typer

from shop.target import OnAws


def doctor(
    wait: Annotated[float, typer.Option(min=0, max=999, help="Seconds to wait for answers to test messages.")] = 10.0,
    *,
    aws: OnAws = False,
) -> None:
    """Examine the shop, and send it test messages.

    Places no order and changes no data. Exit codes: 0 all is well, 1 something is wrong, 2 it was not tried.
    """
    from bootstrap.clock import Clock
    from bootstrap.manifests import processes
    from bootstrap.templates import load
    from shop.connection import open_connection
    from shop.doctor.doctor import Doctor

    shop, healthy = open_connection(on_aws=aws), True
    for finding in Doctor(shop.aws, shop.names, load(shop.names), processes(), Clock()).examine(wait):
        shop.out(str(finding))
        healthy = healthy and finding.ok
    raise typer.Exit(0 if healthy else 1)
