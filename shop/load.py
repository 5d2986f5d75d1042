"""The arguments of `shop load`."""

from pathlib import Path
from typing import Annotated

import typer

from bootstrap.errors import Misused


def load(
    context: typer.Context,
    users: Annotated[int, typer.Option(min=1, max=200, help="Shoppers at the same time.")] = 20,
    seconds: Annotated[int, typer.Option(min=5, max=1800, help="How long, with --headless.")] = 60,
    outage: Annotated[int, typer.Option(min=0, help="Stop ordering-consumer for so many seconds in the middle.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed makes the same decisions.")] = 1,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the web page, on 127.0.0.1.")] = 8089,
    out: Annotated[Path | None, typer.Option(help="Folder of load.json and load.svg.", show_default=False)] = None,
    *,
    headless: Annotated[bool, typer.Option("--headless", help="Without the web page, and only for --seconds.")] = False,
) -> None:
    """Send customers to the shop that runs here, and compare their orders with the shop's.

    Without --headless, a web page of Locust starts and stops the load.
    """
    from load import target
    from load.conclusion import Wishes
    from load.session import Session
    from shop.connection import open_connection
    from shop.output import say

    if outage and not headless:
        raise Misused("--outage needs --headless, because only then the load has a middle.")
    if headless and outage >= seconds:
        raise Misused(f"An outage of {outage} s does not fit into {seconds} s.")
    its = target.here(context.obj)
    folder = its.paths.path / "load"
    wishes = Wishes(users, seconds, outage, seed, out or folder)
    web = None if headless else port
    raise typer.Exit(Session(wishes, web, its, open_connection(on_aws=False), folder, say).run())
