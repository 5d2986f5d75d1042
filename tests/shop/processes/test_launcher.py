"""A whole shop of stand-ins: real supervisor, real processes, each a few lines of Python."""

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.errors import Failed
from shop.emulator.ministack import DO_NOT_RESTART
from shop.paths import Paths
from shop.processes import ports, probe, run_state
from shop.processes.launcher import Launcher
from shop.processes.monitor import Monitor
from shop.processes.programs import EMULATOR, Plan, Program, Task, programs
from shop.processes.programs import plan as local_plan
from shop.settings import Settings
from tests.processes import eventually
from tests.shops import free_ports

STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def web(name: str, port: int) -> Program:
    serve = (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1")
    return Program(name, serve, ready=f"http://127.0.0.1:{port}/")


class Shops:
    """Starts shops of any plan; whatever a test leaves behind is killed at its end."""

    def __init__(self, path: Path) -> None:
        self.paths = Paths(path / "shop")
        self.said: list[str] = []
        self.ports = [int(port) for port in free_ports().values()]
        self._launchers: list[Launcher] = []

    def launcher(self, plan: Plan, patience: float = 120) -> Launcher:
        settings = Settings(ports=dict(zip(("emulator", "product"), self.ports, strict=False)), patience=patience)
        one = Launcher(settings, self.paths, plan, dict(os.environ), say=self.said.append)
        self._launchers.append(one)
        return one

    def close(self) -> None:
        for launcher in self._launchers:
            launcher.kill()


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[Shops]:
    it = Shops(tmp_path)
    yield it
    it.close()


def test_stages_start_in_order_and_stop_in_reverse_order(shops: Shops, tmp_path: Path) -> None:
    port = shops.ports[1]
    seen = tmp_path / "seen"
    ask = (
        f"import urllib.request as u; open({str(seen)!r}, 'w').write(str(u.urlopen('http://127.0.0.1:{port}/').status))"
    )
    plan: Plan = (
        (web("product", port),),
        (Task("seed", python(ask)),),
        (Program("worker", python("import time; time.sleep(600)")),),
    )
    launcher = shops.launcher(plan)
    launcher.start()
    assert seen.read_text() == "200"
    known = run_state.read(shops.paths.run_state)
    assert known is not None
    assert [*known.processes] == ["product", "worker"]
    launcher.stop()
    assert shops.said[-2:] == ["  stopping worker", "  stopping product"]
    assert not any(it.lives for it in known.processes.values())
    assert not ports.is_taken(port)
    assert not shops.paths.run_state.exists()


def test_a_killed_process_is_restarted_and_reported(shops: Shops) -> None:
    plan: Plan = ((web("product", shops.ports[1]),),)
    launcher = shops.launcher(plan)
    launcher.start()
    watch = Monitor(launcher, shops.said.append)
    (program,) = programs(plan)
    eventually(lambda: launcher.client.processes()["product"].state == "RUNNING")
    watch.look()
    before = launcher.client.processes()["product"].pid
    os.kill(before, signal.SIGKILL)
    eventually(lambda: launcher.client.processes()["product"].pid not in (0, before))
    eventually(lambda: probe.status(program.ready) == 200)
    eventually(lambda: launcher.client.processes()["product"].state == "RUNNING")
    watch.look()
    assert f"product (pid {before}) ended and was started again" in shops.said[-1]


def test_a_failed_task_is_reported_with_its_log_and_nothing_stays(shops: Shops) -> None:
    plan: Plan = ((web("product", shops.ports[1]),), (Task("seed", python("print('no table'); raise SystemExit(3)")),))
    launcher = shops.launcher(plan)
    with pytest.raises(Failed, match=r"seed failed with exit code 3:\n  \| no table"):
        launcher.start()
    launcher.stop()
    assert not ports.is_taken(shops.ports[1])


def test_a_stop_during_the_start_names_only_what_was_started(shops: Shops) -> None:
    never = Program("worker", python("import time; time.sleep(600)"))
    launcher = shops.launcher(((web("product", shops.ports[1]),), (Task("seed", python("raise SystemExit(3)")), never)))
    with pytest.raises(Failed, match="seed failed"):
        launcher.start()
    launcher.stop()
    assert shops.said[1:] == ["  stopping product"]


def test_a_supervisor_that_does_not_start_is_reported_with_its_own_lines_alone(shops: Shops) -> None:
    shops.paths.make()
    shops.paths.log("supervisor").write_text("of yesterday\n")
    with pytest.raises(Failed, match=r"supervisor does not start:\n  \| Error: Invalid name") as failed:
        shops.launcher(((Program("wor:ker", python("")),),)).start()
    assert "of yesterday" not in str(failed.value)


def test_a_program_that_exits_at_once_is_reported_with_its_log(shops: Shops) -> None:
    dies = Program("worker", python("raise SystemExit('no queue')"), start_seconds=60)  # a busy machine needs its time
    launcher = shops.launcher(((dies,),))
    with pytest.raises(Failed, match=r"worker does not start:\n(  \| no queue\n)+"):
        launcher.start()


def test_a_program_that_asks_not_to_be_restarted_is_not(shops: Shops) -> None:
    """It lived for longer than supervisor's second, after which every other process is started again."""
    says = "import time; time.sleep(1.5); print('sqs.json cannot be read', flush=True); "
    says += f"raise SystemExit({DO_NOT_RESTART})"
    emulator = Program(EMULATOR, python(says), ready=f"http://127.0.0.1:{shops.ports[0]}/")
    launcher = shops.launcher(((emulator,),), patience=20)
    with pytest.raises(Failed, match=r"emulator does not start:\n  \| sqs.json cannot be read\n  \("):
        launcher.start()
    launcher.stop()
    assert [line for line in shops.said if "lost" in line] == []


def test_a_program_that_never_becomes_ready_is_reported(shops: Shops) -> None:
    lazy = Program("basket", python("import time; time.sleep(600)"), ready=f"http://127.0.0.1:{shops.ports[2]}/")
    shops.paths.make()
    shops.paths.log("basket").write_text("of yesterday\n")
    with pytest.raises(Failed, match="basket was not ready, and made no progress within 5 s") as failed:
        shops.launcher(((lazy,),), patience=5).start()
    assert "SHOP_PATIENCE=15 make run" in str(failed.value)
    assert "of yesterday" not in str(failed.value)


def test_a_shop_starts_and_stops_in_a_folder_of_any_name(tmp_path: Path) -> None:
    shops = Shops(tmp_path / """it's ;a #b 100% %(here)s $HOME `c` "d" \\e ä""")
    port = shops.ports[1]
    launcher = shops.launcher(((web("product", port),),))
    try:
        launcher.start()
        launcher.stop()
    finally:
        shops.close()
    assert "GET / HTTP" in shops.paths.log("product").read_text()
    assert not ports.is_taken(port)


def test_a_program_that_is_not_there_is_one_clear_line(shops: Shops) -> None:
    with pytest.raises(Failed, match="worker cannot be started: NO_FILE: can't find command '/not/there'"):
        shops.launcher(((Program("worker", ("/not/there",)),),)).start()


def test_a_second_shop_in_the_same_folder_is_refused(shops: Shops) -> None:
    plan: Plan = ((Program("worker", python("import time; time.sleep(600)")),),)
    shops.launcher(plan).start()
    with pytest.raises(Failed, match="already runs here"):
        shops.launcher(plan).start()


def test_a_process_that_ignores_its_signal_is_killed(shops: Shops) -> None:
    plan: Plan = ((Program("worker", python(STUBBORN), stop_seconds=1),),)
    launcher = shops.launcher(plan)
    launcher.start()
    eventually(lambda: "up" in shops.paths.log("worker").read_text())
    pid = launcher.client.processes()["worker"].pid
    launcher.stop()
    assert run_state.command_of(pid) == ""


def saving(paths: Paths, seconds: float) -> str:
    """An emulator that takes so long to save at its end."""
    return (
        "import signal, sys, time; from pathlib import Path; from shop.emulator.state import State; "
        f"state = State(Path({str(paths.state.path)!r})); "
        f"end = lambda *_: (time.sleep({seconds}), state.publish(state.draft(), final=True), sys.exit()); "
        "signal.signal(15, end); time.sleep(600)"
    )


def test_a_long_save_is_waited_for_and_reported(shops: Shops) -> None:
    (real,) = (it for it in programs(local_plan(Settings(), shops.paths)) if it.name == EMULATOR)
    emulator = Program(EMULATOR, python(saving(shops.paths, 5.5)), stop_seconds=real.stop_seconds)
    launcher = shops.launcher(((emulator,),))
    launcher.start()
    launcher.stop()
    assert shops.paths.state.is_final()
    assert re.fullmatch(r"  still waiting for emulator \([0-9]+ s\); Ctrl-C ends it at once", shops.said[-1])


def test_data_lost_by_a_killed_emulator_is_reported(shops: Shops) -> None:
    launcher = shops.launcher(((Program(EMULATOR, python(STUBBORN), stop_seconds=1),),))
    launcher.start()
    launcher.stop()
    assert shops.said[-1].startswith("The emulator ended without saving. Nothing was saved yet")


def test_an_earlier_save_does_not_hide_that_the_emulator_was_killed(shops: Shops) -> None:
    """It is complete only after the stop began, and holds what the emulator held before."""
    saves_late = (
        "import signal, time; from pathlib import Path; from shop.emulator.state import State; "
        f"state = State(Path({str(shops.paths.state.path)!r})); "
        "signal.signal(15, lambda *_: state.publish(state.draft())); print('up', flush=True); time.sleep(600)"
    )
    launcher = shops.launcher(((Program(EMULATOR, python(saves_late), stop_seconds=2),),))
    launcher.start()
    eventually(lambda: "up" in shops.paths.log(EMULATOR).read_text())
    launcher.stop()
    assert shops.said[-1].startswith("The emulator ended without saving.")


def test_a_supervisor_that_is_stopping_already_is_waited_for(shops: Shops) -> None:
    """Somebody told it, and it ends its programs as we would: to kill them now would lose what they save."""
    emulator = Program(EMULATOR, python(saving(shops.paths, 2)), stop_seconds=60)
    launcher = shops.launcher(((emulator,),))
    launcher.start()
    launcher.client.shutdown()
    launcher.stop()
    assert shops.paths.state.saved_at() is not None


def test_killing_ends_everything_at_once(shops: Shops) -> None:
    launcher = shops.launcher(((Program("worker", python(STUBBORN), stop_seconds=60),),))
    launcher.start()
    eventually(lambda: "up" in shops.paths.log("worker").read_text())
    pid = launcher.client.processes()["worker"].pid
    begun = time.monotonic()
    launcher.kill()
    assert run_state.command_of(pid) == ""
    assert time.monotonic() - begun < 30, "it waited for its time to stop"


def test_killing_also_ends_processes_that_are_stopping(shops: Shops) -> None:
    """A second Ctrl-C comes while the first one's stop goes on."""
    launcher = shops.launcher(((Program("worker", python(STUBBORN), stop_seconds=60),),))
    launcher.start()
    pid = launcher.client.processes()["worker"].pid
    eventually(lambda: "up" in shops.paths.log("worker").read_text())  # from now on it ignores its signal
    with pytest.raises(TimeoutError):
        launcher.client.stop(["worker"], within=0.1)
    launcher.kill()
    assert run_state.command_of(pid) == ""


def test_a_dead_supervisor_is_an_error_and_its_processes_are_ended(shops: Shops) -> None:
    plan: Plan = ((Program("worker", python("import time; time.sleep(600)")),),)
    launcher = shops.launcher(plan)
    launcher.start()
    known = run_state.read(shops.paths.run_state)
    assert known is not None
    assert known.supervisor is not None
    os.kill(known.supervisor.pid, signal.SIGKILL)
    eventually(lambda: not launcher.supervisor_lives())
    with pytest.raises(Failed, match="supervisor is gone"):
        Monitor(launcher, shops.said.append).look()
    launcher.stop()
    assert not any(it.lives for it in known.processes.values())


def test_stopping_a_shop_that_never_started_does_nothing(shops: Shops) -> None:
    launcher = shops.launcher(())
    launcher.stop()
    launcher.kill()
    assert not launcher.has_something_to_stop
