"""Starts a shop stage by stage, each when the one before is ready, and stops it in reverse."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from xmlrpc.client import Error

from bootstrap.errors import Failed
from shop.paths import Paths
from shop.processes import ports, probe, run_state, supervisor_config, tasks
from shop.processes.loss import LossReport
from shop.processes.patience import SECONDS, Patience, Reminder, cpu_seconds
from shop.processes.programs import Plan, Program, Stage, Task, programs
from shop.processes.supervisor import Supervisor
from shop.processes.supervisor_client import ShuttingDown, SupervisorClient
from shop.settings import ROOT, Settings

Say = Callable[[str], None]


class Launcher:
    """One shop. After `start`, whether it succeeded or not, call `stop` once."""

    def __init__(
        self,
        settings: Settings,
        paths: Paths,
        plan: Plan,
        env: Mapping[str, str],
        *,
        say: Say,
        patience: float = SECONDS,
    ) -> None:
        self.paths = paths
        self.control = SupervisorClient(paths.socket)
        self._settings = settings
        self._plan = plan
        self._env = env
        self._say = say
        self._patience = patience
        self._supervisor: Supervisor | None = None
        self._loss = LossReport(paths, say)

    def start(self) -> None:
        self._refuse_a_second()
        ports.refuse_taken(self._settings.ports)
        self._start_supervisor()
        self.write_down()
        for stage in self._plan:
            self._start_stage(stage)
            self.write_down()

    def stop(self) -> None:
        """In reverse order of readiness; what does not obey is killed. Nothing of the shop runs afterwards."""
        if self._supervisor is None:
            return
        if not self.supervisor_lives():
            self.kill()
            return
        try:
            self._stop_in_order(self._supervisor)
        except (OSError, Error, subprocess.TimeoutExpired):
            self.kill()
        else:
            self._forget()

    def kill(self) -> None:
        """Ends everything at once, unasked."""
        if self._supervisor is None:
            return
        with suppress(OSError, Error):
            self.write_down()  # the pids of this moment
        self._supervisor.kill()  # first, or it starts the others again
        if known := run_state.read(self.paths.run_state):
            run_state.end_leftovers(known)
        self._forget()

    @property
    def has_something_to_stop(self) -> bool:
        return self._supervisor is not None

    def supervisor_lives(self) -> bool:
        return self._supervisor is not None and self._supervisor.lives

    def again(self, program: Program) -> None:
        """After the emulator came back, with what it knew when it last stopped in order, if anything."""
        self._await(program)
        for task in (step for stage in self._plan for step in stage if isinstance(step, Task)):
            self._run(task)

    def write_down(self) -> None:
        """Only what runs for a second or more has shed the supervisor's command line for its own."""
        assert self._supervisor is not None  # noqa: S101 only called once it was started
        running = {p.name: p.pid for p in self.control.processes().values() if p.state in {"RUNNING", "STOPPING"}}
        known = run_state.RunState(
            launcher=run_state.mark(os.getpid()),
            endpoint=self._settings.endpoint,
            ports=dict(self._settings.ports),
            supervisor=run_state.mark(self._supervisor.pid),
            processes={p.name: run_state.mark(running[p.name]) for p in programs(self._plan) if p.name in running},
        )
        run_state.write(known, self.paths.run_state)

    def _refuse_a_second(self) -> None:
        if self.control.answers():
            raise Failed("The shop already runs here, or is just stopping: see `make status`, `make stop` ends it.")
        if (known := run_state.read(self.paths.run_state)) and (ended := run_state.end_leftovers(known)):
            self._say(f"Ended what an earlier run had left behind: {', '.join(ended)}.")

    def _start_supervisor(self) -> None:
        self.paths.make()
        text = supervisor_config.render(programs(self._plan), self.paths, self._settings.stack)
        self.paths.config.write_text(text, encoding="utf-8")
        env = dict(self._env) | supervisor_config.environment(self.paths, ROOT)
        self._supervisor = Supervisor(self.paths.config, self.paths.log("supervisor"), env)
        pid = self._supervisor.pid
        self._until(self.control.answers, "supervisor", self._supervisor_failed, lambda: cpu_seconds([pid]))

    def _supervisor_failed(self) -> bool:
        return not self.supervisor_lives()

    def _start_stage(self, stage: Stage) -> None:
        begun = time.monotonic()
        for step in stage:
            if isinstance(step, Task):
                self._run(step)
            else:
                self.control.start(step.name)
        for step in stage:
            if isinstance(step, Program):
                self._await(step)
        if stage:
            names = ", ".join(step.name for step in stage)
            self._say(f"  ✓ {names} ({time.monotonic() - begun:.1f} s)")

    def _await(self, program: Program) -> None:
        self._until(
            lambda: self._is_ready(program),
            program.name,
            lambda: self.control.processes()[program.name].state == "FATAL",
            lambda: cpu_seconds([self.control.processes()[program.name].pid]),
        )
        self._loss.ready(program.name)

    def _is_ready(self, program: Program) -> bool:
        if program.ready:
            return probe.status(program.ready) == 200
        return self.control.processes()[program.name].state == "RUNNING"

    def _run(self, task: Task) -> None:
        """Its progress counts, and that of what runs already: the emulator works for it."""
        running = [process.pid for process in self.control.processes().values()]
        tasks.run(task, self._env, self.paths, self._patience, lambda pid: cpu_seconds([pid, *running]))

    def _until(
        self, done: Callable[[], bool], name: str, failed: Callable[[], bool], progress: Callable[[], int]
    ) -> None:
        patience = Patience(self._patience, progress)
        while not done():
            if failed():
                raise Failed(f"{name} does not start:\n{tasks.last_words(self.paths, name)}")
            if patience.is_over:
                raise Failed(
                    f"{name} was not ready, and made no progress within {self._patience:.0f} s "
                    f"(SHOP_PATIENCE sets how many):\n{tasks.last_words(self.paths, name)}"
                )
            time.sleep(patience.pause)

    def _stop_in_order(self, supervisor: Supervisor) -> None:
        within = 3
        try:
            for stage in reversed(self._plan):
                self._stop_stage(stage)
            self.control.shutdown()
        except ShuttingDown:  # somebody told supervisor itself, and it does the same
            within += max(program.stop_seconds for program in programs(self._plan))
        supervisor.wait(within)

    def _stop_stage(self, stage: Stage) -> None:
        of_it = [step for step in stage if isinstance(step, Program)]
        if of_it:
            names = ", ".join(p.name for p in of_it)
            self._say(f"  stopping {names}")
            remind = Reminder(f"  still waiting for {names}", self._say, "; Ctrl-C ends it at once")
            self.control.stop((p.name for p in of_it), 1 + max(p.stop_seconds for p in of_it), remind)

    def _forget(self) -> None:
        if self._supervisor is not None:
            self._supervisor.close()
        self._supervisor = None
        self.paths.run_state.unlink(missing_ok=True)
        self.paths.socket.unlink(missing_ok=True)
        self._loss.end()
