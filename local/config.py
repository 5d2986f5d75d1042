"""Supervisor's configuration, written out from the table of programs.

Supervisor cuts each value at ` ;` and ` #` and expands `%`, in some values twice. Therefore names of files are relative
to the shop's home, where supervisor runs, other paths are in `environment`, and only commands are quoted.
"""

import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from local import emulation
from local.home import Home
from local.programs import Program

HEAD = """\
; Written anew by every `make run`: edit local/programs.py instead.
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

# Supervisor starts a process again after every exit code but HOPELESS, at which another start would end the same way.
# Three quick tries, then the launcher says that the process keeps dying and tries on at its own pace.
PROGRAM = """
[program:{name}]
command = {command}
directory = %(ENV_SHOP_ROOT)s
autostart = false
autorestart = unexpected
exitcodes = {hopeless}
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


def environment(home: Home, root: Path) -> dict[str, str]:
    """What supervisor reads beside its file."""
    return {"SHOP_SOCKET": str(home.socket), "SHOP_ROOT": str(root)}


def render(programs: Iterable[Program], home: Home, stack: str) -> str:
    """Priorities follow the table, so that supervisor alone also stops the emulator last."""
    head = HEAD.format(stack=stack, log=home.supervisor_log.relative_to(home.path), user=_user(os.geteuid()))
    return head + "".join(_section(program, home, number) for number, program in enumerate(programs, 1))


def _user(uid: int) -> str:
    """As root, supervisor wants to be told that this is meant. Other users may have no name, as in containers."""
    return "" if uid else "user = root\n"


def _section(program: Program, home: Home, priority: int) -> str:
    return PROGRAM.format(
        name=program.name,
        command=_command(_with_environment(program)),
        hopeless=emulation.HOPELESS,
        start_seconds=program.start_seconds,
        stop_seconds=program.stop_seconds,
        log=home.log(program.name).relative_to(home.path),
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
