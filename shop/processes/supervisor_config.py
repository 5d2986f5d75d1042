"""Supervisor's configuration, written out from the table of programs.

Supervisor cuts each value at ` ;` and ` #` and expands `%`, in some values twice. Therefore names of files are relative
to the shop's paths, where supervisor runs, other paths are in `environment`, and only commands are quoted.
"""

import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from shop.emulator import ministack
from shop.paths import Paths
from shop.processes.programs import Program

HEAD = """\
; Written anew by every `make run`: edit shop/processes/programs.py instead.
[supervisord]
nodaemon = true
silent = true
identifier = {stack}
logfile = {log}
logfile_maxbytes = 1MB
logfile_backups = 1
pidfile = supervisord.pid
childlogdir = .
{user}
[unix_http_server]
file = %(ENV_SHOP_SOCKET)s
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

# Supervisor starts a process again after every exit code but DO_NOT_RESTART: another start would end the same way.
# Three quick tries, then the launcher says that the process keeps dying and tries on at its own pace.
PROGRAM = """
[program:{name}]
command = {command}
directory = %(ENV_SHOP_ROOT)s
autostart = false
autorestart = unexpected
exitcodes = {do_not_restart}
startsecs = {start_seconds}
startretries = 3
stopsignal = TERM
stopwaitsecs = {stop_seconds}
stopasgroup = true
killasgroup = true
redirect_stderr = true
stdout_logfile = {log}
stdout_logfile_maxbytes = 10MB
stdout_logfile_backups = 1
priority = {priority}
"""


def environment(paths: Paths, root: Path) -> dict[str, str]:
    """What supervisor reads beside its file."""
    return {"SHOP_SOCKET": str(paths.socket), "SHOP_ROOT": str(root)}


def render(programs: Iterable[Program], paths: Paths, stack: str) -> str:
    """Priorities follow the table, so that supervisor alone also stops the emulator last."""
    head = HEAD.format(stack=stack, log=paths.supervisor_log.relative_to(paths.path), user=_user(os.geteuid()))
    return head + "".join(_section(program, paths, number) for number, program in enumerate(programs, 1))


def _user(uid: int) -> str:
    """As root, supervisor wants to be told that this is meant. Other users may have no name, as in containers."""
    return "" if uid else "user = root\n"


def _section(program: Program, paths: Paths, priority: int) -> str:
    return PROGRAM.format(
        name=program.name,
        command=_command(_with_environment(program)),
        do_not_restart=ministack.DO_NOT_RESTART,
        start_seconds=program.start_seconds,
        stop_seconds=program.stop_seconds,
        log=paths.log(program.name).relative_to(paths.path),
        priority=priority,
    )


def _command(words: Iterable[str]) -> str:
    """Two quotes between a space and what would begin a comment there: both are inside of quotes already."""
    return re.sub(r"(\s)(?=[;#])", r"\1''", shlex.join(words)).replace("%", "%%")


def _with_environment(program: Program) -> tuple[str, ...]:
    """By `env`, because supervisor's own `environment` setting cannot hold every character."""
    if not program.env:
        return program.command
    return ("env", *(f"{name}={value}" for name, value in program.env.items()), *program.command)
