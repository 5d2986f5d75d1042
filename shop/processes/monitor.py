"""Looks after a running shop: says what died and came back, and does what supervisor does not."""

import time
from collections.abc import Callable

from bootstrap.errors import Failed
from shop.processes.launcher import Launcher
from shop.processes.programs import EMULATOR, Plan, programs
from shop.processes.supervisor_client import Process

PAUSE = 10.0  # between tries of a process that keeps dying


class Monitor:
    """`look` is called again and again, about once a second."""

    def __init__(
        self,
        launcher: Launcher,
        plan: Plan,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._launcher = launcher
        self._programs = {program.name: program for program in programs(plan)}
        self._say = say
        self._clock = clock
        self._pids: dict[str, int] = {}
        self._given_up: dict[str, float] = {}

    def look(self) -> None:
        if not self._launcher.supervisor_lives():
            raise Failed("The supervisor is gone: everything of the shop ends. `make run` starts it again.")
        processes = self._launcher.control.processes()
        reborn = [p for p in processes.values() if self._is_new(p)]
        for process in reborn:
            self._greet(process)
        for process in processes.values():
            if process.state == "FATAL":
                self._try_again(process)
        if reborn:
            self._launcher.write_down()

    def _is_new(self, process: Process) -> bool:
        return process.state == "RUNNING" and process.pid != self._pids.get(process.name)

    def _greet(self, process: Process) -> None:
        before = self._pids.get(process.name)
        self._pids[process.name] = process.pid
        self._given_up.pop(process.name, None)
        if before is None:
            return
        self._say(f"{process.name} (pid {before}) ended and was started again as pid {process.pid}.")
        if process.name == EMULATOR:
            self._say(f"{self._launcher.paths.state.loss()} Building anew what is missing of the shop's resources.")
            self._launcher.again(self._programs[EMULATOR])

    def _try_again(self, process: Process) -> None:
        now = self._clock()
        if now < self._given_up.get(process.name, 0):
            return
        self._given_up[process.name] = now + PAUSE
        log = self._launcher.paths.log(process.name)
        self._say(f"{process.name} keeps dying; see {log}. Trying again every {PAUSE:.0f} s.")
        self._launcher.control.start(process.name)
