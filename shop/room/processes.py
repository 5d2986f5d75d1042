"""The processes of `make run`, by their supervisor."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from xmlrpc.client import Error

from shop.processes.supervisor_client import SupervisorClient


class Supervised:
    """Each call has a connection of its own, because the threads of the room share this object."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def states(self) -> Mapping[str, str]:
        """Supervisor's word for each process. Nothing while it does not answer."""
        with suppress(OSError, Error):
            return {it.name: it.state.lower() for it in SupervisorClient(self._socket).processes().values()}
        return {}

    def pid(self, name: str) -> int:
        found = SupervisorClient(self._socket).processes().get(name)
        return found.pid if found else 0

    def start(self, name: str) -> None:
        SupervisorClient(self._socket).start(name)

    def stop(self, names: list[str], within: float) -> None:
        SupervisorClient(self._socket).stop(names, within)
