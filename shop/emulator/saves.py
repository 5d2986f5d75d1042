"""Saves the emulator's data while it runs, and at its end."""

import asyncio
import logging
import os
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from shop.emulator.guard import Guard
from shop.emulator.state import State

SHARE = 20  # the pause after a save is so many times its length, so saving takes at most a twentieth of the time
HUNG = 300.0  # seconds after which a save that does not end is given up
TRIES = 10  # of the save at the end
BETWEEN_TRIES = 0.1  # seconds
Write = Callable[[Path], None]

log = logging.getLogger("shop.emulator")


class SaveFailed(Exception):
    """A save is not complete; the one before is untouched."""


class Saver:
    """`write` puts everything that the emulator holds into a folder, or raises.

    After `every` seconds in which something was written, all of it is saved.
    """

    def __init__(
        self,
        state: State,
        write: Write,
        every: float,
        *,
        fork: Callable[[], int] = os.fork,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state = state
        self._write = write
        self._every = every
        self._fork = fork
        self._clock = clock
        self._child = 0

    def save(self, last_check: Callable[[], None] = lambda: None, *, final: bool = False) -> None:
        draft = self._state.draft()
        self._write(draft)
        self._state.publish(draft, last_check, final=final)

    async def keep_saving(self, guard: Guard) -> None:
        """Never returns. A save that fails is tried again after `every` seconds."""
        pause = self._every
        while True:
            await asyncio.sleep(pause)
            if not guard.changed:
                continue
            guard.changed = False
            begun = self._clock()
            if await self._save_in_a_child():
                pause = max(self._every, SHARE * (self._clock() - begun))
            else:
                guard.changed, pause = True, self._every

    def save_at_the_end(self, guard: Guard) -> None:
        """Saves in this process, after ending a child's save that is under way, which is older.

        An emulator that has not read its data yet must not save: it would replace the data with nothing.
        """
        if not guard.started:
            return
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            os.waitpid(self._child, 0)
        self._state.remove_drafts()
        self._save_what_may_change()

    def _save_what_may_change(self) -> None:
        """Tries again where a thread of the emulator still changes a dictionary while it is copied."""
        for _ in range(TRIES):
            try:
                self.save(final=True)
            except RuntimeError as error:
                last = error
                log.warning("the data changed while it was saved: %s", error)
                time.sleep(BETWEEN_TRIES)
            else:
                return
        raise SaveFailed(f"{TRIES} tries failed, the last one with: {last}")

    async def _save_in_a_child(self) -> bool:
        """A fork holds what the emulator held at one moment, while the emulator goes on serving."""
        self._state.remove_drafts()
        emulator = os.getpid()
        try:
            self._child = self._fork()
        except OSError as error:  # too many processes, or too little memory, for the moment
            log.warning("no process could be started to save the data: %s", error)
            return False
        if not self._child:
            self._end_as_a_child(emulator)
        deadline = self._clock() + HUNG
        while not (ended := os.waitpid(self._child, os.WNOHANG))[0]:  # noqa: ASYNC222 it does not wait
            if self._clock() > deadline:
                log.warning("a save did not end within %.0f s and was given up", HUNG)
                os.kill(self._child, signal.SIGKILL)
            await asyncio.sleep(0.05)
        self._child = 0
        return ended[1] == 0

    def _end_as_a_child(self, emulator: int) -> None:
        """Drops the parent's signal handlers and sockets first: a client would see them open after the parent's end."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            for fd in [int(entry.name) for entry in Path("/dev/fd").iterdir()]:
                if fd > 2:
                    _close(fd)
            self.save(lambda: _refuse_unless_child_of(emulator))
            code = 0
        except BaseException:  # noqa: BLE001 nothing may leave this function but the process's end
            traceback.print_exc()
        finally:
            os._exit(code)


def _refuse_unless_child_of(emulator: int) -> None:
    """After the emulator's end the next one may have started from an older save, so this save must not appear."""
    if os.getppid() != emulator:
        raise SaveFailed("the emulator ended while its data was saved")


def _close(fd: int) -> None:
    try:
        os.close(fd)
    except OSError:
        return  # that of the listing itself
