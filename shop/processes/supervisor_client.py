"""A client of a running supervisor: shows its processes, starts and stops them by name."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import Error, Fault, ServerProxy

from supervisor.states import STOPPED_STATES
from supervisor.xmlrpc import Faults, SupervisorTransport

from bootstrap.errors import Failed
from shop.emulator.ministack import DO_NOT_RESTART

NOT_STARTABLE = (Faults.NO_FILE, Faults.NOT_EXECUTABLE, Faults.SPAWN_ERROR)


@dataclass(frozen=True)
class Process:
    """`state` is supervisor's own word: RUNNING, BACKOFF, FATAL, STOPPED, …

    A process that ended with `DO_NOT_RESTART` is FATAL too: supervisor does not start it again.
    """

    name: str
    state: str
    stopped: bool
    pid: int
    seconds: int


class ShuttingDown(Failed, Error):
    """A supervisor that is stopping refuses every call."""

    __str__ = Exception.__str__  # xmlrpc's own shows a repr

    def __init__(self) -> None:
        super().__init__("The shop is just stopping: ask again in a moment; `make stop` waits until it is gone.")


class SupervisorClient:
    """Every method raises `OSError` or `xmlrpc.client.Error` where no supervisor answers, except `answers`."""

    def __init__(self, socket: Path) -> None:
        transport = SupervisorTransport(None, None, f"unix://{socket}")
        self._transport = transport
        # The address is never used: the transport goes to the socket.
        self._rpc: Any = ServerProxy("http://127.0.0.1", transport=transport).supervisor

    def answers(self) -> bool:
        """True also while it is shutting down."""
        try:
            self._call("getState")
        except ShuttingDown:
            return True
        except (OSError, Error):
            return False
        return True

    def processes(self) -> dict[str, Process]:
        return {info["name"]: _process(info) for info in self._call("getAllProcessInfo")}

    def start(self, name: str) -> None:
        """Raises `Failed` where its program is not there or may not be executed."""
        try:
            self._unless(Faults.ALREADY_STARTED, "startProcess", name)
        except Fault as fault:
            if fault.faultCode not in NOT_STARTABLE:
                raise
            raise Failed(f"{name} cannot be started: {fault.faultString}") from fault

    def stop(self, names: Iterable[str], within: float, waiting: Callable[[], None] = lambda: None) -> None:
        """Stops all at the same time and waits until none of them runs. Supervisor kills what takes too long.

        `within` is in seconds; `waiting` is called again and again meanwhile. Raises `TimeoutError`.
        """
        wanted = set(names)
        for name in wanted:
            self._unless(Faults.NOT_RUNNING, "stopProcess", name)
        deadline = time.monotonic() + within
        while any(not p.stopped for p in self.processes().values() if p.name in wanted):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{', '.join(sorted(wanted))} did not stop within {within:.0f} s")
            waiting()
            time.sleep(0.05)

    def shutdown(self) -> None:
        """Supervisor stops what still runs, in reverse order, and then itself."""
        with suppress(ShuttingDown):
            self._call("shutdown")

    def _unless(self, harmless: int, method: str, name: str) -> None:
        wait = False
        try:
            self._call(method, name, wait)
        except Fault as fault:
            if fault.faultCode != harmless:
                raise

    def _call(self, method: str, *arguments: object) -> Any:
        try:
            return getattr(self._rpc, method)(*arguments)
        except Fault as fault:
            if fault.faultCode == Faults.SHUTDOWN_STATE:
                raise ShuttingDown from None
            raise
        finally:
            self._transport.close()  # supervisor keeps no connection alive for long, and a stale one fails


def _process(info: dict[str, Any]) -> Process:
    started = info["now"] - info["start"] if info["pid"] else 0
    not_restarted = info["statename"] == "EXITED" and info["exitstatus"] == DO_NOT_RESTART
    state = "FATAL" if not_restarted else info["statename"]
    return Process(info["name"], state, info["state"] in STOPPED_STATES, info["pid"], started)
