"""The options of `shop doctor`."""

from typing import Annotated

import typer

from shop.target import OnAws


def doctor(
    context: typer.Context,
    wait: Annotated[float, typer.Option(min=0, max=999, help="Seconds to wait for answers to test messages.")] = 10.0,
    *,
    aws: OnAws = False,
) -> None:
    """Examine the shop, send it test messages, and ask for each service at the shop's one address.

    Places no order and changes no data. Exit codes: 0 all is well, 1 something is wrong, 2 it was not tried.
    """
    from itertools import chain

    from bootstrap.clock import Clock
    from bootstrap.manifests import processes
    from bootstrap.names import FRONT
    from bootstrap.stack import Stack
    from bootstrap.templates import load
    from shop.connection import open_connection
    from shop.doctor import doors
    from shop.doctor.doctor import Doctor
    from shop.settings import Settings
    from shop.target import as_running

    here = [] if aws else doors.of_this_machine(as_running(Settings.from_env(context.obj)))
    shop, healthy = open_connection(on_aws=aws), True
    examined = Doctor(shop.aws, shop.names, load(shop.names), processes(), Clock()).examine(wait)
    front = Stack(shop.aws.cloudformation, shop.names.stack_of(FRONT), Clock())
    reached = (finding for door in here for finding in door.findings())
    for finding in chain(examined, reached, doors.examine_gateway(shop.aws, front)):
        shop.out(str(finding))
        healthy = healthy and finding.ok
    raise typer.Exit(0 if healthy else 1)
