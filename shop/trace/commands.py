"""The arguments of `shop trace`."""

import re
import shutil
from typing import Annotated

import typer

from bootstrap.errors import Failed, Misused
from shop.output import say

ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def trace(
    context: typer.Context,
    wanted: Annotated[str, typer.Argument(metavar="ID", help="A correlation id, an order's id or a trace's id.")],
) -> None:
    """Show what each process did for an order or a request, and when.

    Of several traces, those of one process get one line each.
    """
    from shop.paths import paths_of
    from shop.settings import Settings
    from shop.trace.containers import read_of_containers
    from shop.trace.records import read, traces_of
    from shop.trace.waterfall import brief, draw

    if not ID.fullmatch(wanted):
        raise Misused(f"{wanted} is not an id, which has 1 to 128 letters, digits, dots, _ or -.")
    folder = paths_of(Settings.from_env(context.obj)).traces
    found = traces_of(read(folder, wanted)) or traces_of(read_of_containers(wanted))
    if not found:
        raise Failed(
            f"No span belongs to {wanted}, neither in {folder} nor in the volume `traces` of containers that run. "
            "`make run` and `make up` record the latest ones there, unless SHOP_TRACE is off."
        )
    width = shutil.get_terminal_size((120, 24)).columns
    for spans in found:
        alone = len(found) > 1 and len({span.process for span in spans}) == 1
        say(brief(spans) if alone else "\n".join(draw(spans, width)))
