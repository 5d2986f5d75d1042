"""What the launcher does about processes that die."""

from pathlib import Path
from typing import Any, cast

from shop.paths import Paths
from shop.processes.launcher import Launcher
from shop.processes.monitor import PAUSE, Monitor
from shop.processes.programs import Plan, Program
from shop.processes.supervisor_client import Process

PLAN: Plan = ((Program("emulator", ("e",)),), (Program("worker", ("w",)),))


class FakeShop:
    """A launcher and its supervisor in one."""

    def __init__(self) -> None:
        self.paths = Paths(Path("/v"))
        self.client = self
        self.plan = PLAN
        self.states = {"emulator": ("RUNNING", 1), "worker": ("RUNNING", 2)}
        self.did: list[str] = []

    def supervisor_lives(self) -> bool:
        return True

    def processes(self) -> dict[str, Process]:
        return {name: Process(name, state, False, pid, 5) for name, (state, pid) in self.states.items()}

    def start(self, name: str) -> None:
        self.did.append(f"start {name}")

    def rebuild(self, program: Program) -> None:
        self.did.append("built anew")

    def save_state(self) -> None:
        self.did.append("written down")


class Watched:
    def __init__(self) -> None:
        self.shop = FakeShop()
        self.said: list[str] = []
        self.now = 100.0
        launcher: Any = self.shop
        self.watch = Monitor(cast("Launcher", launcher), self.said.append, clock=lambda: self.now)
        self.watch.look()
        self.shop.did.clear()


def test_nothing_is_reported_while_all_processes_run() -> None:
    it = Watched()
    it.watch.look()
    assert (it.said, it.shop.did) == ([], [])


def test_a_restarted_process_is_reported_and_written_to_the_run_state() -> None:
    it = Watched()
    it.shop.states["worker"] = ("RUNNING", 9)
    it.watch.look()
    assert it.said == ["worker (pid 2) ended and was started again as pid 9."]
    assert it.shop.did == ["written down"]


def test_resources_are_created_again_after_the_emulator_restarted() -> None:
    it = Watched()
    it.shop.states["emulator"] = ("RUNNING", 9)
    it.watch.look()
    assert "built anew" in it.shop.did
    assert "is lost" in it.said[-1]


def test_a_process_that_keeps_failing_is_tried_again_at_a_steady_pace() -> None:
    it = Watched()
    it.shop.states["worker"] = ("FATAL", 0)
    it.watch.look()
    it.watch.look()
    assert it.shop.did == ["start worker"]
    assert "worker keeps failing; see /v/log/worker.log" in it.said[-1]
    it.now += PAUSE
    it.watch.look()
    assert it.shop.did == ["start worker", "start worker"]
