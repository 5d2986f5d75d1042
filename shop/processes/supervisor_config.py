"""Supervisor's configuration, written out from the programs of a plan.

Supervisor cuts each value at ` ;` and ` #` and expands `%`, in some values twice. Therefore names of files are relative
to the shop's folder, where supervisor runs, other paths are in `environment`, and only commands are quoted.
"""

import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from shop.emulator.ministack import DO_NOT_RESTART
from shop.paths import Paths
from shop.processes.programs import Program

TEMPLATES = Path(__file__).parent


def environment(paths: Paths, root: Path) -> dict[str, str]:
    """What supervisor reads beside its file."""
    return {"SHOP_SOCKET": str(paths.socket), "SHOP_ROOT": str(root)}


def render(programs: Iterable[Program], paths: Paths, name: str) -> str:
    """Priorities follow the plan, so that supervisor alone also stops the emulator last."""
    head = (TEMPLATES / "supervisord.conf").read_text("utf-8")
    head = head.format(name=name, log=paths.supervisor_log.relative_to(paths.path), user=_user(os.geteuid()))
    return head + "".join(_section(program, paths, number) for number, program in enumerate(programs, 1))


def _user(uid: int) -> str:
    """As root, supervisor wants to be told that this is meant. Other users may have no name, as in containers."""
    return "" if uid else "user = root\n"


def _section(program: Program, paths: Paths, priority: int) -> str:
    return (
        (TEMPLATES / "program.conf")
        .read_text("utf-8")
        .format(
            name=program.name,
            command=_command(program),
            do_not_restart=DO_NOT_RESTART,
            start_seconds=program.start_seconds,
            stop_seconds=program.stop_seconds,
            log=paths.log(program.name).relative_to(paths.path),
            priority=priority,
        )
    )


def _command(program: Program) -> str:
    """Variables come by `env`, because supervisor's own `environment` setting cannot hold every character.

    Two quotes between a space and what would begin a comment there: both are inside of quotes already.
    """
    variables = [f"{name}={value}" for name, value in program.env.items()]
    words = shlex.join(["env", *variables, *program.command] if variables else program.command)
    return re.sub(r"(\s)(?=[;#])", r"\1''", words).replace("%", "%%")
