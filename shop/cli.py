"""The command `shop`: arguments and environment in, an exit code out, every error one clear line."""

import errno
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError

from bootstrap.errors import Failed, explain
from chassis.core.text import legible
from shop.dlq.commands import dlq
from shop.doctor.commands import doctor
from shop.images.commands import image
from shop.load import load
from shop.metrics.commands import metrics
from shop.notifications.commands import notifications
from shop.order.commands import order
from shop.output import LINES, command, prepare_output, say
from shop.package.commands import lambda_, package
from shop.room.commands import room
from shop.settings import Settings, with_file
from shop.stack import stack
from shop.target import OnAws, enter
from shop.trace.commands import trace

FULL = dict.fromkeys((errno.ENOSPC, errno.EDQUOT), " Free some space on it, or name another folder with SHOP_VAR.")
UNUSABLE = dict.fromkeys(
    (errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG), " SHOP_VAR can name another folder."
)
ADVICE = FULL | UNUSABLE
HERE = "The shop on this machine"
USE = "Use it"
AWS = "Its AWS resources and messages, here or on AWS"

app = typer.Typer(
    help="Shopwire: an e-commerce backend of event-driven microservices.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(arguments: Sequence[str] | None = None, env: Mapping[str, str] | None = None) -> int:
    """`env` stands for the shell's environment and the file `.env`."""
    prepare_output()
    try:
        app(args=arguments, prog_name="shop", obj=with_file(os.environ) if env is None else env)
    except SystemExit as end:
        return int(end.code or 0)
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
    except Failed as error:
        return _told(str(error), error.exit_code)
    except (BotoCoreError, ClientError) as error:
        return _told(explain(error), 1)
    except OSError as error:
        return _told(_explained(error), 1)
    return 0


def _told(error: str, code: int) -> int:
    sys.stderr.write(f"{legible(error, keep=LINES)}\n")  # the text may contain what another program answered
    return code


def _explained(error: OSError) -> str:
    """One line, with advice for a full disk and for a folder that cannot be used."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}.{ADVICE.get(error.errno or 0, '')}"


@app.command(rich_help_panel=HERE)
def run(context: typer.Context) -> None:
    """Start everything and follow the logs. Ctrl-C stops it."""
    _run(context, dev=False)


@app.command(rich_help_panel=HERE)
def dev(context: typer.Context) -> None:
    """Like run, and an edit restarts the processes it concerns."""
    _run(context, dev=True)


def _run(context: typer.Context, *, dev: bool) -> None:
    from shop.processes import run

    raise typer.Exit(run.run(Settings.from_env(context.obj, dev=dev), context.obj))


@app.command(rich_help_panel=HERE)
def stop(context: typer.Context) -> None:
    """Stop the shop that another terminal started, or what is left of it."""
    from shop.paths import paths_of
    from shop.processes import stopping

    stopping.stop(paths_of(Settings.from_env(context.obj)))


@app.command(rich_help_panel=HERE)
def status(context: typer.Context) -> None:
    """Show which processes run, since when, and whether they answer."""
    from shop import commands

    raise typer.Exit(commands.status(Settings.from_env(context.obj)))


@app.command(rich_help_panel=HERE)
def logs(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Only these processes.")] = None,
    last: Annotated[int, typer.Option("-n", "--last", help="Lines of each process to begin with.")] = 20,
    *,
    follow: Annotated[bool, typer.Option(help="Wait for new lines.")] = True,
) -> None:
    """Show the last log lines, and follow new ones."""
    from shop import commands

    commands.logs(Settings.from_env(context.obj), names or [], context.obj, last=last, follow=follow)


@app.command(rich_help_panel=HERE)
def reset(context: typer.Context) -> None:
    """Empty the shop and load the demo catalogue again."""
    from shop import commands

    commands.reset(Settings.from_env(context.obj), context.obj)


@app.command(rich_help_panel=USE)
def demo(
    context: typer.Context,
    deadline: Annotated[float, typer.Option(help="Seconds that the order may take.")] = 15.0,
    card: Annotated[str | None, typer.Option(help="The card's number. docs/services.md lists test cards.")] = None,
) -> None:
    """Buy something and follow the order to its end."""
    from shop import commands, tokens
    from shop.demo import scenario
    from shop.paths import paths_of

    settings = Settings.from_env(context.obj)
    urls, follow = commands.addresses(settings, context.obj), commands.tracing(settings)
    sign = partial(tokens.token, context.obj, paths_of(settings))
    scenario.run(urls, deadline, follow, lambda line: say(legible(line, keep=LINES)), sign=sign, card=card)


@app.command(rich_help_panel=USE)
def token(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="The user whom the token names.", show_default=False)] = "",
    *,
    admin: Annotated[bool, typer.Option("--admin", help="The user is an admin.")] = False,
    header: Annotated[bool, typer.Option("--header", help="Print a header for curl -H.")] = False,
    settings: Annotated[bool, typer.Option("--settings", help="Print the settings that accept such tokens.")] = False,
) -> None:
    """Print a token of a user of the shop here."""
    from shop import tokens
    from shop.paths import paths_of

    paths = paths_of(Settings.from_env(context.obj))
    if settings == bool(user):
        raise Failed(f"Name a user, as in {command('token ann')}, or ask for --settings.")
    if settings:
        say("\n".join(f"{name}='{value}'" for name, value in tokens.settings(paths).items()))
        return
    its = tokens.token(context.obj, paths, user, admin=admin)
    say(f"Authorization: Bearer {its}" if header else its)


@app.command(rich_help_panel=USE)
def seed(
    *,
    really_aws: Annotated[bool, typer.Option("--really-aws", help="Needed with --aws, to be sure.")] = False,
    aws: OnAws = False,
) -> None:
    """Add what is missing of the demo catalogue."""
    from shop import commands

    raise typer.Exit(commands.seed(enter(aws=aws), really_aws=really_aws))


app.command(rich_help_panel=HERE)(metrics)
app.command(rich_help_panel=USE)(load)
app.command(rich_help_panel=USE)(order)
app.command(rich_help_panel=USE)(trace)
app.command(rich_help_panel=USE)(room)
app.add_typer(stack, name="stack", rich_help_panel=AWS)
app.add_typer(dlq, name="dlq", rich_help_panel=AWS)
app.add_typer(image, name="image", rich_help_panel=AWS)
app.command(rich_help_panel=AWS)(doctor)
app.command(rich_help_panel=AWS)(notifications)
app.command(rich_help_panel=AWS)(package)
app.command("lambda", rich_help_panel=AWS)(lambda_)
