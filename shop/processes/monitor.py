"""Looks after a running shop: reports what died and came back, and does what supervisor does not."""

import time
from collections.abc import Callable

from bootstrap.errors import Failed
from shop.processes.launcher import Launcher
from shop.processes.programs import EMULATOR, programs
from shop.processes.supervisor_client import Process

PAUSE = 10.0  # seconds between tries of a process that keeps failing


class Monitor:
    """`look` is called again and again, about once a second."""

    def __init__(
        self, launcher: Launcher, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._launcher = launcher
        self._programs = {program.name: program for program in programs(launcher.plan)}
        self._say = say
        self._clock = clock
        self._pids: dict[str, int] = {}
        self._next_try: dict[str, float] = {}

    def look(self) -> None:
        if not self._launcher.supervisor_lives():
            raise Failed("The supervisor is gone: everything of the shop ends. `make run` starts it again.")
        processes = self._launcher.client.processes().values()
        started = [p for p in processes if p.state == "RUNNING" and p.pid != self._pids.get(p.name)]
        for process in started:
            self._note_start(process)
        for process in processes:
            if process.state == "FATAL" and self._clock() >= self._next_try.get(process.name, 0):
                self._try_again(process.name)
        if started:
            self._launcher.save_state()

    def _note_start(self, process: Process) -> None:
        before = self._pids.get(process.name)
        self._pids[process.name] = process.pid
        self._next_try.pop(process.name, None)
        if before is None:
            return
        self._say(f"{process.name} (pid {before}) ended and was started again as pid {process.pid}.")
        if process.name == EMULATOR:
            self._say(f"{self._launcher.paths.state.loss()} Creating again what is missing of the shop's resources.")
            self._launcher.rebuild(self._programs[EMULATOR])

    def _try_again(self, name: str) -> None:
        self._next_try[name] = self._clock() + PAUSE
        self._say(f"{name} keeps failing; see {self._launcher.paths.log(name)}. Trying again every {PAUSE:.0f} s.")
        self._launcher.client.start(name)
