"""A complete shop for a test: free ports, and real processes during a `with` block."""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from shop.output import say
from shop.processes.launcher import Launcher
from shop.processes.ports import HOST
from shop.processes.run import prepare
from shop.settings import Settings, port_variables


def free_ports() -> dict[str, str]:
    """Variables that give a shop its own ports, so that it can run beside a developer's."""
    held = {variable: socket.create_server((HOST, 0)) for variable, _ in port_variables().values()}
    try:
        return {variable: str(server.getsockname()[1]) for variable, server in held.items()}
    finally:
        for server in held.values():
            server.close()


@contextmanager
def running(settings: Settings, env: Mapping[str, str], say: Callable[[str], None] = say) -> Iterator[Launcher]:
    launcher = prepare(settings, env, say)
    try:
        launcher.start()
        yield launcher
    finally:
        launcher.stop()
