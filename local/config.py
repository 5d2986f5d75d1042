"""Supervisor's configuration, written out from the table of programs."""

import getpass
import shlex
from collections.abc import Iterable
from pathlib import Path

from local.home import Home
from local.programs import Program

HEAD = """\
; Written anew by every `make run`: edit local/programs.py instead.
[supervisord]
nodaemon = true
silent = true
identifier = {stack}
directory = {root}
logfile = {log}
logfile_maxbytes = 1MB
logfile_backups = 1
pidfile = {home}/supervisord.pid
childlogdir = {home}
{user}
[unix_http_server]
file = {socket}
chmod = 0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""

# Three quick tries, then the launcher says that the process keeps dying and tries on at its own pace.
PROGRAM = """
[program:{name}]
command = {command}
autostart = false
autorestart = true
startsecs = 1
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


def render(programs: Iterable[Program], home: Home, root: Path, stack: str) -> str:
    """Priorities follow the table, so that supervisor alone also stops the emulator last."""
    head = HEAD.format(
        stack=stack,
        root=_plain(root),
        log=_plain(home.supervisor_log),
        home=_plain(home.path),
        socket=_plain(home.socket),
        user=_user(getpass.getuser()),
    )
    return head + "".join(_section(program, home, number) for number, program in enumerate(programs, 1))


def _user(name: str) -> str:
    """As root, supervisor wants to be told that this is meant."""
    return "user = root\n" if name == "root" else ""


def _section(program: Program, home: Home, priority: int) -> str:
    return PROGRAM.format(
        name=program.name,
        command=_plain(shlex.join(_with_environment(program))),
        stop_seconds=program.stop_seconds,
        log=_plain(home.log(program.name)),
        priority=priority,
    )


def _plain(value: object) -> str:
    """Supervisor expands %(names)s everywhere."""
    return str(value).replace("%", "%%")


def _with_environment(program: Program) -> tuple[str, ...]:
    """By `env`, because supervisor's own `environment` setting cannot hold every character."""
    if not program.env:
        return program.command
    return ("env", *(f"{name}={value}" for name, value in program.env.items()), *program.command)
