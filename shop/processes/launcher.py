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
from shop.processes.patience import Patience, Reminder, cpu_seconds
from shop.processes.programs import Plan, Program, Stage, Task, programs
from shop.processes.supervisor import Supervisor
from shop.processes.supervisor_client import Process, ShuttingDown, SupervisorClient
from shop.settings import ROOT, Settings

Say = Callable[[str], None]


class Launcher:
    """One shop. After `start`, whether it succeeded or not, call `stop` once."""

    def __init__(self, settings: Settings, paths: Paths, plan: Plan, env: Mapping[str, str], say: Say) -> None:
        self.paths = paths
        self.plan = plan
        self.client = SupervisorClient(paths.socket)
        self._settings = settings
        self._env = env
        self._say = say
        self._supervisor: Supervisor | None = None
        self._loss = LossReport(paths, say)
        self._log_begins: dict[str, int] = {}  # where the log of this start begins, in bytes

    def start(self) -> None:
        self._refuse_a_second()
        ports.refuse_taken(self._settings.ports)
        self._start_supervisor()
        self.save_state()
        for stage in self.plan:
            self._start_stage(stage)
            self.save_state()

    def stop(self) -> None:
        """Stops the stages in reverse order and kills what does not end in time. Nothing stays behind."""
        if self._supervisor is None or not self._supervisor.lives:
            self.kill()
            return
        try:
            self._stop_in_order(self._supervisor)
        except (OSError, Error, subprocess.TimeoutExpired):
            self.kill()
        else:
            self._end(self._supervisor)

    def kill(self) -> None:
        """Ends everything at once, without a warning to the processes."""
        if self._supervisor is None:
            return
        with suppress(OSError, Error):
            self.save_state()  # the pids of this moment
        self._supervisor.kill()  # first, or it starts the others again
        if known := run_state.read(self.paths.run_state):
            run_state.end_leftovers(known)
        self._end(self._supervisor)

    @property
    def has_something_to_stop(self) -> bool:
        return self._supervisor is not None

    def supervisor_lives(self) -> bool:
        return self._supervisor is not None and self._supervisor.lives

    def rebuild(self, program: Program) -> None:
        """Waits for an emulator that was started again, and creates what its last save did not contain."""
        self._await(program)
        for task in (step for stage in self.plan for step in stage if isinstance(step, Task)):
            self._run(task)

    def save_state(self) -> None:
        """Writes down which processes run. After a second, each shows its own command line, not supervisor's."""
        assert self._supervisor is not None  # noqa: S101 only called once it was started
        running = {p.name: p.pid for p in self.client.processes().values() if p.state in {"RUNNING", "STOPPING"}}
        known = run_state.RunState(
            launcher=run_state.mark(os.getpid()),
            endpoint=self._settings.endpoint,
            ports=dict(self._settings.ports),
            supervisor=run_state.mark(self._supervisor.pid),
            processes={p.name: run_state.mark(running[p.name]) for p in programs(self.plan) if p.name in running},
        )
        run_state.write(known, self.paths.run_state)

    def _refuse_a_second(self) -> None:
        if self.client.answers():
            raise Failed("The shop already runs here, or is just stopping: see `make status`, `make stop` ends it.")
        if (known := run_state.read(self.paths.run_state)) and (ended := run_state.end_leftovers(known)):
            self._say(f"Ended processes of an earlier run: {', '.join(ended)}.")

    def _start_supervisor(self) -> None:
        self.paths.make()
        text = supervisor_config.render(programs(self.plan), self.paths, self._settings.name)
        self.paths.config.write_text(text, encoding="utf-8")
        self._log_begins["supervisor"] = tasks.size_of_log(self.paths, "supervisor")
        env = dict(self._env) | supervisor_config.environment(self.paths, ROOT)
        started = self._supervisor = Supervisor(self.paths.config, self.paths.log("supervisor"), env)
        self._until(self.client.answers, "supervisor", lambda: not started.lives, lambda: cpu_seconds([started.pid]))

    def _start_stage(self, stage: Stage) -> None:
        begun = time.monotonic()
        for step in stage:
            if isinstance(step, Task):
                self._run(step)
            else:
                self._log_begins[step.name] = tasks.size_of_log(self.paths, step.name)
                self.client.start(step.name)
        for step in stage:
            if isinstance(step, Program):
                self._await(step)
        if stage:
            self._say(f"  ✓ {', '.join(step.name for step in stage)} ({time.monotonic() - begun:.1f} s)")

    def _await(self, program: Program) -> None:
        def process() -> Process:
            return self.client.processes()[program.name]

        def ready() -> bool:
            return probe.status(program.ready) == 200 if program.ready else process().state == "RUNNING"

        self._until(ready, program.name, lambda: process().state == "FATAL", lambda: cpu_seconds([process().pid]))
        self._loss.ready(program.name)

    def _run(self, task: Task) -> None:
        """Progress of the processes that run already counts too, since the emulator works for the task."""
        running = [process.pid for process in self.client.processes().values()]
        patience = self._settings.patience
        tasks.run(task, self._env, self.paths, patience, lambda pid: cpu_seconds([pid, *running]))

    def _until(
        self, done: Callable[[], bool], name: str, failed: Callable[[], bool], progress: Callable[[], float]
    ) -> None:
        patience = Patience(self._settings.patience, progress)
        while not done():
            if failed():
                raise Failed(f"{name} does not start:\n{self._last_words(name)}")
            if patience.is_over:
                raise Failed(
                    f"{name} was not ready, and made no progress within {patience.seconds:.0f} s. A slow machine needs "
                    f"more: `SHOP_PATIENCE={3 * patience.seconds:.0f} make run`.\n{self._last_words(name)}"
                )
            time.sleep(patience.pause)

    def _last_words(self, name: str) -> str:
        return tasks.last_words(self.paths, name, self._log_begins.get(name, 0))

    def _stop_in_order(self, supervisor: Supervisor) -> None:
        within = 3
        try:
            for stage in reversed(self.plan):
                self._stop_stage([step for step in stage if isinstance(step, Program)])
            self.client.shutdown()
        except ShuttingDown:  # another process told supervisor to, and it does the same
            within += max(program.stop_seconds for program in programs(self.plan))
        supervisor.wait(within)

    def _stop_stage(self, programs: list[Program]) -> None:
        running = {name for name, process in self.client.processes().items() if not process.stopped}
        if stage := [program for program in programs if program.name in running]:
            names = ", ".join(program.name for program in stage)
            self._say(f"  stopping {names}")
            remind = Reminder(f"  still waiting for {names}", self._say, "; Ctrl-C ends it at once")
            self.client.stop((p.name for p in stage), 1 + max(p.stop_seconds for p in stage), remind)

    def _end(self, supervisor: Supervisor) -> None:
        supervisor.close()
        self._supervisor = None
        self.paths.run_state.unlink(missing_ok=True)
        self.paths.socket.unlink(missing_ok=True)
        self._loss.end()
