"""`make stop`: ends the shop of another terminal, or what is left of one."""

import os
import signal
import time

from local import record
from local.control import Control
from local.home import Home
from local.patience import Patience, Reminder, cpu_seconds
from local.programs import EMULATOR, SAVED_WITHIN
from local.run import say

WITHIN = 15.0


def stop(home: Home, within: float = WITHIN) -> None:
    """Asks the launcher, else supervisor, else ends what the record knows: afterwards nothing of the shop runs.

    What was asked has `within` seconds, and longer while it makes progress.
    """
    known, control = record.read(home.record), Control(home.socket)
    if known and record.lives(known.launcher):
        os.kill(known.launcher.pid, signal.SIGTERM)
        os.kill(known.launcher.pid, signal.SIGCONT)  # one that Ctrl-Z had suspended would not act on it
    elif control.answers():
        control.shutdown()
    elif not known:
        say("The shop was not running.")
        return
    ended = _end_what_stays(known, control, home, within)
    home.record.unlink(missing_ok=True)
    say(f"Stopped; had to kill {', '.join(ended)}." if ended else "Stopped.")
    if EMULATOR in ended:
        say(home.state.loss())


def _end_what_stays(known: record.Record | None, control: Control, home: Home, within: float) -> list[str]:
    """The names of what had to be killed. Without its launcher, supervisor still ends everything in order."""
    _wait_until_gone(known, control, home, within)
    if known is None:
        return []
    ended = record.end_launcher(known)
    if ended:
        _wait_until_gone(known, control, home, within)
    return ended + record.end_leftovers(known)


def _wait_until_gone(known: record.Record | None, control: Control, home: Home, within: float) -> None:
    """Progress is what the shop's own processes do, such as saving: the launcher only waits for them."""
    groups = [mark.pid for mark in known.processes.values()] if known else []
    remind = Reminder("  waiting for the shop", say)
    patience = Patience(within, lambda: (cpu_seconds(groups), home.state.drafted()), SAVED_WITHIN)
    while control.answers() or (known and record.lives(known.launcher)):
        if patience.is_over:
            return
        remind()
        time.sleep(0.1)
