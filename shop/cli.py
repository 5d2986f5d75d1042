"""The command line: arguments and environment in, an exit code out, every error one clear line."""

import argparse
import errno
import io
import os
import sys
from collections.abc import Mapping

from chassis.core.text import legible
from shop import commands
from shop.demo import scenario
from shop.errors import ShopError
from shop.processes import run
from shop.processes.run import say
from shop.settings import Settings, with_file

LINES = "\n\t"
FULL = dict.fromkeys((errno.ENOSPC, errno.EDQUOT), " Free some space on it, or name another folder with SHOP_VAR.")
UNUSABLE = dict.fromkeys(
    (errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG), " SHOP_VAR can name another folder."
)
ADVICE = FULL | UNUSABLE


def main(arguments: list[str], env: Mapping[str, str] | None = None) -> int:
    """`env`: the shell's, with what the file `.env` adds."""
    prepare_output()
    asked = _parser().parse_args(arguments)
    try:
        return _dispatch(asked, with_file(os.environ) if env is None else env)
    except ShopError as error:
        sys.stderr.write(f"{legible(str(error), keep=LINES)}\n")  # it may repeat what something else answered
        return 1
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
    except OSError as error:
        sys.stderr.write(f"{_explained(error)}\n")
        return 1


def _explained(error: OSError) -> str:
    """In one line, which a full disk or a folder of somebody else deserves."""
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}.{ADVICE.get(error.errno or 0, '')}"


def prepare_output() -> None:
    """A terminal that cannot show │ shows a question mark instead; without this, `say` would drop the whole line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _dispatch(asked: argparse.Namespace, env: Mapping[str, str]) -> int:
    settings = Settings.from_env(env, dev=asked.command == "dev")
    match asked.command:
        case "status" | "stop" as plain:
            code = {"status": commands.status, "stop": commands.stop}[plain](settings)
        case "reset":
            code = commands.reset(settings, env)
        case "bootstrap":
            code = commands.bootstrap(env, asked.arguments)
        case "logs":
            code = commands.logs(settings, asked.names, env, last=asked.last, follow=asked.follow)
        case "demo":
            urls, trace = commands.addresses(settings, env), commands.tracing(settings)
            code = scenario.run(urls, asked.deadline, trace, lambda line: say(legible(line, keep=LINES)))
        case _:
            code = run.run(settings, env)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m shop", description="The shop on this machine, without Docker.")
    commands_ = parser.add_subparsers(dest="command", required=True)
    commands_.add_parser("run", help="start the shop and follow its logs; Ctrl-C stops it")
    commands_.add_parser("dev", help="the same, and every edit reloads what it concerns")
    commands_.add_parser("status", help="what runs, since when, and whether it answers")
    commands_.add_parser("stop", help="end the shop of another terminal, or what is left of it")
    commands_.add_parser("reset", help="back to an empty shop with the seeded catalogue")
    logs = commands_.add_parser("logs", help="the last log lines, and those that come")
    logs.add_argument("names", nargs="*", help="only these processes")
    logs.add_argument("-n", dest="last", type=int, default=20, help="lines of each to begin with (20)")
    logs.add_argument("--no-follow", dest="follow", action="store_false", help="do not wait for more")
    buy = commands_.add_parser("demo", help="buy something and follow the order until it is there")
    buy.add_argument("--deadline", type=float, default=15.0, help="seconds the order may take (15)")
    # No argument begins with a space, so that all of them, options too, are bootstrap's own.
    tool = commands_.add_parser(
        "bootstrap", help="`python -m bootstrap` on the shop's emulator", prefix_chars=" ", add_help=False
    )
    tool.add_argument("arguments", nargs="*")
    return parser
