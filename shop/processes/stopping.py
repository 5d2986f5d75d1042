"""`shop stop`: ends the shop of another terminal, or what is left of one."""

import os
import signal
import time

from shop.output import say
from shop.paths import Paths
from shop.processes import run_state
from shop.processes.patience import Patience, Reminder, cpu_seconds
from shop.processes.programs import EMULATOR, SAVED_WITHIN
from shop.processes.supervisor_client import SupervisorClient

WITHIN = 15.0  # seconds


def stop(paths: Paths, within: float = WITHIN) -> None:
    """Asks the launcher, else supervisor, else ends what the run state names: afterwards nothing of the shop runs.

    A process has `within` seconds to end, and longer while it makes progress.
    """
    known, client = run_state.read(paths.run_state), SupervisorClient(paths.socket)
    if known and known.launcher.lives:
        os.kill(known.launcher.pid, signal.SIGTERM)
        os.kill(known.launcher.pid, signal.SIGCONT)  # one that Ctrl-Z had suspended would not act on it
    elif client.answers():
        client.shutdown()
    elif not known:
        say("The shop was not running.")
        return
    _wait_until_gone(known, client, paths, within)
    killed = _end_what_stays(known, client, paths, within) if known else []
    paths.run_state.unlink(missing_ok=True)
    say(f"Stopped; had to kill {', '.join(killed)}." if killed else "Stopped.")
    if EMULATOR in killed:
        say(paths.state.loss())


def _end_what_stays(known: run_state.RunState, client: SupervisorClient, paths: Paths, within: float) -> list[str]:
    """Returns the names of what had to be killed. Without its launcher, supervisor ends everything in order."""
    killed = run_state.end_launcher(known)
    if killed:
        _wait_until_gone(known, client, paths, within)
    return killed + run_state.end_leftovers(known)


def _wait_until_gone(known: run_state.RunState | None, client: SupervisorClient, paths: Paths, within: float) -> None:
    """Progress is CPU time of the shop's processes, or a growing save."""
    groups = [mark.pid for mark in known.processes.values()] if known else []
    remind = Reminder("  waiting for the shop", say)
    patience = Patience(within, lambda: (cpu_seconds(groups), paths.state.drafted()), SAVED_WITHIN)
    while (client.answers() or (known and known.launcher.lives)) and not patience.is_over:
        remind()
        time.sleep(0.1)
