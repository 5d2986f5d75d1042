"""The processes of `make run`, by their supervisor."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from xmlrpc.client import Error

from bootstrap.errors import Failed
from shop.processes.supervisor_client import SupervisorClient


class Supervised:
    """Each call has a connection of its own, because the threads of the room share this object. Raises Failed."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def states(self) -> Mapping[str, str]:
        """Supervisor's word for each process. Nothing while it does not answer."""
        with suppress(OSError, Error):
            return {it.name: it.state.lower() for it in SupervisorClient(self._socket).processes().values()}
        return {}

    def pid(self, name: str) -> int:
        with self._client() as client:
            found = client.processes().get(name)
        return found.pid if found else 0

    def start(self, name: str) -> None:
        with self._client() as client:
            client.start(name)

    def stop(self, names: list[str], within: float) -> None:
        with self._client() as client:
            client.stop(names, within)

    @contextmanager
    def _client(self) -> Iterator[SupervisorClient]:
        try:
            yield SupervisorClient(self._socket)
        except (OSError, Error) as error:
            raise Failed(f"The supervisor of `make run` did not do it: {error}") from error
