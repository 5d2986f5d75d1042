"""A complete shop for a test: free ports, and real processes during a `with` block."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from shop.output import say
from shop.processes.launcher import Launcher
from shop.processes.run import prepare
from shop.settings import Settings, port_variables
from tests.environment import free_port


def free_ports() -> dict[str, str]:
    """Variables that give a shop its own ports, so that it can run beside a developer's."""
    return {variable: str(free_port()) for variable, _ in port_variables().values()}


@contextmanager
def running(settings: Settings, env: Mapping[str, str], say: Callable[[str], None] = say) -> Iterator[Launcher]:
    launcher = prepare(settings, env, say)
    try:
        launcher.start()
        yield launcher
    finally:
        launcher.stop()
