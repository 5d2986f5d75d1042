"""Which ports of this machine are taken, and by which program."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Mapping

from bootstrap.errors import Failed
from shop.settings import port_variables

HOST = "127.0.0.1"


def refuse_taken(ports: Mapping[str, int], holder: Callable[[int], str] | None = None) -> None:
    """Raises `Failed` for the first taken port. Gunicorn and the emulator would report it later, in many lines."""
    for name, port in ports.items():
        if is_taken(port):
            by = (holder or held_by)(port)
            variable, default = port_variables()[name]
            raise Failed(
                f"Port {port} ({name}) is in use{f' by {by}' if by else ''}: stop that, or choose another port "
                f"with `{variable}={default + 10000} make run`."
            )


def is_taken(port: int) -> bool:
    """Connects and binds: macOS allows binding 127.0.0.1 beside 0.0.0.0, and a bound port may not listen."""
    with socket.socket() as client:
        client.settimeout(1)
        if client.connect_ex((HOST, port)) == 0:
            return True
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((HOST, port))
        except OSError:
            return True
    return False


def held_by(port: int) -> str:
    """The command and pid that listen, where `lsof` can tell; otherwise an empty text."""
    if not shutil.which("lsof"):
        return ""
    command = ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=3, check=False)  # noqa: S603 a number
    except subprocess.TimeoutExpired:
        return ""
    fields = {line[0]: line[1:] for line in reversed(answer.stdout.splitlines()) if line}
    return f"{fields['c']} (pid {fields['p']})" if {"c", "p"} <= fields.keys() else ""
