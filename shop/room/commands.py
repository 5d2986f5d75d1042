"""`shop room`."""

import os
import sys

import typer

from shop.target import OnAws


def room(context: typer.Context, *, aws: OnAws = False) -> None:
    """Show the shop's messages as they move, in a browser. `make run` and `make up` start it too.

    With --aws it reads counters only, and changes nothing.
    """
    from shop.connection import open_connection
    from shop.output import say
    from shop.paths import paths_of
    from shop.processes.programs import room as program
    from shop.settings import ROOT, Settings

    settings = Settings.from_env(context.obj)
    its = program(settings, paths_of(settings))
    read_only = {"SHOP_ROOM_READ_ONLY": "on"} if aws else {}
    open_connection(on_aws=aws)  # from here on, the environment is that of the shop, or the command has failed
    say(f"The machine room: {its.ready.removesuffix('/health/ready')}/room   Ctrl-C ends it.")
    os.chdir(ROOT)
    os.execve(sys.executable, its.command, {**os.environ, **its.env, **read_only})  # noqa: S606 our own program
