"""The command line: `python -m bootstrap plan|up|status|down|doctor|dlq`."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from bootstrap import commands
from bootstrap.aws import await_endpoint, connect, endpoint
from bootstrap.clock import Clock
from bootstrap.dlq_options import add_dlq
from bootstrap.errors import Failed, explain
from bootstrap.names import DEFAULT_STACK, Names
from chassis.core.text import legible

_TEMPLATE = Path(__file__).with_name("shop.yaml")
_EPILOG = """\
AWS_ENDPOINT_URL names an emulator; unset or empty, it is AWS. SHOP_NAME names the stack.
Exit codes: 0 all is well, 1 it failed or is unwell, 2 it was not tried."""


def main(argv: Sequence[str], env: Mapping[str, str], clock: Clock | None = None) -> int:
    args = _parser(env).parse_args(argv)
    try:
        return _run(args, env, clock or Clock())
    except Failed as error:
        _say(f"error: {error}")
        return error.exit_code
    except (BotoCoreError, ClientError) as error:
        _say(f"error: {explain(error)}")
        return 1
    except BrokenPipeError:
        # Whoever read us, `head` perhaps, has enough; nothing more may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        _say("interrupted; a deployment under way goes on: see `status`. A redrive ends where it is: run it again")
        return 130


def _run(args: argparse.Namespace, env: Mapping[str, str], clock: Clock) -> int:
    names, url = Names(args.stack), endpoint(env)
    if url:
        await_endpoint(url, args.patience, _say, clock)
    aws = connect(env, _say)
    run: Callable[[commands.Context], int] = args.run
    return run(commands.Context(args, aws, names, clock, out=_out, say=_say))


def _parser(env: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bootstrap",
        description="The shop's AWS resources: one CloudFormation stack.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    shared = _shared_options(env)
    add = parser.add_subparsers(title="commands", required=True, metavar="COMMAND").add_parser
    plan = add("plan", parents=[shared], help="show what `up` would change")
    plan.set_defaults(run=commands.plan)
    up = add("up", parents=[shared], help="create the stack, or change it to the template's state")
    up.add_argument("--force", action="store_true", help="delete it first, data included")
    _add_really_aws(up)
    up.set_defaults(run=commands.up, patience=30.0)
    status = add("status", parents=[shared], help="show the stack, its queues and its outputs")
    status.set_defaults(run=commands.status)
    down = add("down", parents=[shared], help="delete the stack, data included")
    _add_really_aws(down)
    down.set_defaults(run=commands.down)
    doctor = add("doctor", parents=[shared], help="prove that a checkout becomes an order, or say why not")
    _add_doctor_options(doctor)
    doctor.set_defaults(run=commands.doctor)
    add_dlq(add, shared)
    return parser


def _shared_options(env: Mapping[str, str]) -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    stack = env.get("SHOP_NAME") or DEFAULT_STACK
    shared.add_argument("--stack", default=stack, help="its name, and every resource's prefix (%(default)s)")
    shared.add_argument("--template", default=_TEMPLATE, help="the CloudFormation template (shop.yaml)")
    # Only `up` runs beside an emulator that is still starting.
    shared.set_defaults(patience=0.0)
    return shared


def _add_really_aws(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--really-aws", action="store_true", help="destroy even where it is no emulator")


def _add_doctor_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wait", type=_seconds, default=10.0, help="seconds to wait for the order (10)")
    parser.add_argument(
        "--no-consumer",
        action="store_true",
        help="no consumer runs yet: prove only bus → rule → queue",
    )


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 0 to 999")
    return float(text)


def _out(text: str) -> None:
    """Much of it others wrote: messages, and what AWS or an emulator answers."""
    print(legible(text, keep="\n\t"), flush=True)


def _say(line: str) -> None:
    print(legible(line, keep="\n\t"), file=sys.stderr, flush=True)


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot show ✓ shows a question mark instead.
        stream.reconfigure(errors="replace")  # type: ignore[union-attr] # absent only on replaced streams
    sys.exit(main(sys.argv[1:], os.environ))
