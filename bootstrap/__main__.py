"""The command line: `python -m bootstrap plan|up|status|down`."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from bootstrap import commands, front
from bootstrap.aws import await_endpoint, connect, endpoint
from bootstrap.clock import Clock
from bootstrap.context import Context
from bootstrap.engines import ENGINES
from bootstrap.errors import Failed, Misused, explain
from bootstrap.names import Names
from bootstrap.settings import settings
from bootstrap.templates import ROOT
from chassis.core.text import legible

UNSET = "unset"  # what docker-compose.yml gives to this command alone, where its services get `off`

_EPILOG = """\
AWS_ENDPOINT_URL names an emulator. Without it the commands go to AWS. SHOP_NAME is the shop's name (shopwire).
SHOP_NOTIFY_EMAIL is a mailbox that gets notifications of orders (none).
SHOP_FRONT_SERVICES has the addresses of the services for API Gateway (none: without it).
SHOP_ALARM_TOPIC gets the alarms: an e-mail address, or the ARN of a topic that exists (none).
SHOP_PROTECT=on makes DynamoDB refuse to delete the tables. It stays on until SHOP_PROTECT=off (off).
SHOP_ARCHIVE_DAYS is how many days AWS keeps events for a replay, at most 60. They stay until SHOP_ARCHIVE_DAYS=0 (0).
Exit codes: 0 success, 1 failure, 2 not tried, because something was wrong with the request."""


def main(argv: Sequence[str], env: Mapping[str, str], clock: Clock | None = None, root: Path = ROOT) -> int:
    """The exit code. The templates are those under `root`."""
    args = _parser().parse_args(argv)
    try:
        return _run(args, env, clock or Clock(), root)
    except Failed as error:
        _say(f"error: {error}")
        return error.exit_code
    except (BotoCoreError, ClientError) as error:
        _say(f"error: {explain(error)}")
        return 1
    except BrokenPipeError:
        # The reader, perhaps `head`, has closed the pipe. Nothing more may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        _say("interrupted. A deployment that has begun goes on, see `status`")
        return 130


def _run(args: argparse.Namespace, env: Mapping[str, str], clock: Clock, root: Path) -> int:
    names, given, url = Names.from_env(env), settings(env) | front.settings(env), endpoint(env)
    engine = ENGINES.get(args.engine)
    of_run = engine.settings(env) if engine and args.run in (commands.plan, commands.up) else {}
    if args.run is commands.up and not url and env.get("SHOP_AUTH") == UNSET:
        raise Misused(
            "SHOP_AUTH is not set, so containers on AWS would run without authentication. Set it to on or off."
        )
    if url:
        await_endpoint(url, args.patience, _say, clock)
    aws = connect(env, _say)
    run: Callable[[Context], int] = args.run
    return run(Context(args, aws, names, clock, _out, _say, root, given, engine, of_run))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bootstrap",
        description="The shop's AWS resources: one CloudFormation stack for the platform and one for each service.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    shared, deleting = argparse.ArgumentParser(add_help=False), argparse.ArgumentParser(add_help=False)
    shared.add_argument("services", nargs="*", metavar="SERVICE", help='such as basket, "platform" or "front" (all)')
    deleting.add_argument("--really-aws", action="store_true", help="delete also on AWS")
    shared.add_argument(
        "--run",
        dest="engine",
        choices=sorted(ENGINES),
        default="",
        help="also run the services on AWS so. `status`, `down` and `--force` then take only what that adds",
    )
    # Only `up` runs beside an emulator that is still starting.
    shared.set_defaults(patience=0.0)
    add = parser.add_subparsers(title="commands", required=True, metavar="COMMAND").add_parser
    add("plan", parents=[shared], help="show what `up` would change").set_defaults(run=commands.plan)
    up = add("up", parents=[shared, deleting], help="create the stacks, or update them to the templates")
    up.add_argument("--force", action="store_true", help="delete the stacks with their data first")
    up.set_defaults(run=commands.up, patience=30.0)
    add("status", parents=[shared], help="show the stacks, their queues and outputs").set_defaults(run=commands.status)
    down = add("down", parents=[shared, deleting], help="delete the stacks with their data")
    down.set_defaults(run=commands.down)
    return parser


def _out(text: str) -> None:
    """Much of this text comes from outside: messages, and answers of AWS or an emulator."""
    print(legible(text, keep="\n\t"), flush=True)


def _say(line: str) -> None:
    print(legible(line, keep="\n\t"), file=sys.stderr, flush=True)


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show ✓ shows a question mark instead.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr] # absent only on replaced streams
    sys.exit(main(sys.argv[1:], os.environ))
