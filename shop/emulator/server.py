"""The emulator's process: MiniStack behind the guard, saved while it runs. Runs in `.venv-emulator`, not in `.venv`.

SIGUSR1 makes it lose answers for a while.
"""

import asyncio
import logging
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

from hypercorn.asyncio import serve
from hypercorn.config import Config
from ministack import app as ministack
from ministack.core import persistence

from shop.emulator.guard import Guard
from shop.emulator.lost_answers import LostAnswers
from shop.emulator.ministack import DO_NOT_RESTART
from shop.emulator.saves import SaveFailed, Saver
from shop.emulator.state import State

HOST = "127.0.0.1"
GRACE = 1.0  # seconds for running requests after the emulator was asked to stop

log = logging.getLogger("shop.emulator")


class Unreadable(Exception):
    """A save that would be lost if the emulator started without it."""


def main(port: str, save_every: str) -> None:
    _raise_limit_of_open_files()
    try:
        saver = _saver(State(Path(persistence.STATE_DIR)), float(save_every)) if persistence.PERSIST_STATE else None
    except Unreadable as error:
        log.error("%s", error)  # noqa: TRY400 one clear line, which `make run` shows
        sys.exit(DO_NOT_RESTART)
    asyncio.run(_run(LostAnswers(ministack.app), saver, _config(port)))


async def _run(app: LostAnswers, saver: Saver | None, config: Config) -> None:
    told, guard, loop = asyncio.Event(), Guard(app), asyncio.get_running_loop()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, told.set)
    loop.add_signal_handler(signal.SIGUSR1, app.begin)
    server = asyncio.create_task(serve(guard, config, shutdown_trigger=asyncio.Event().wait))
    stop = asyncio.create_task(told.wait())
    saving = asyncio.create_task(saver.keep_saving(guard)) if saver else server
    await asyncio.wait({server, stop, saving}, return_when=asyncio.FIRST_COMPLETED)
    code = 0 if stop.done() else 1
    await guard.close(GRACE)
    if saver:
        code |= _save(saver, guard)
    if not stop.done():
        (server if server.done() else saving).result()
    # Everything is saved. A normal end would wait for open connections and save a second time.
    logging.shutdown()
    os._exit(code)


def _save(saver: Saver, guard: Guard) -> int:
    try:
        saver.save_at_the_end(guard)
    except (OSError, SaveFailed) as error:
        log.error("the data could not be saved: %s", error)  # noqa: TRY400 the traceback says no more
        return 1
    return 0


def _saver(state: State, every: float) -> Saver:
    _restore(state.newest())
    state.reopen()
    return Saver(state, _write, every)


def _restore(folder: Path) -> None:
    """Reads everything or fails. MiniStack itself would skip what it cannot read, and the next save would lose it.

    Raises `Unreadable`.
    """
    persistence.STATE_DIR = str(folder)
    for file in sorted(folder.iterdir()) if folder.exists() else ():
        if file.suffix == ".json":
            _restore_one(file)
    persistence.STATE_DIR = os.devnull  # so that MiniStack does not read the data a second time


def _restore_one(file: Path) -> None:
    try:
        service = ministack._get_module(ministack._state_map[file.stem])  # noqa: SLF001 as below
        service.load_persisted_state(_read(file))
    except Exception as error:
        raise Unreadable(
            f"{file} cannot be read ({error!r}). The emulator does not start, because its next save would replace "
            f"the folder. Repair the file, or move {file.parent} away and begin with an empty shop, as after "
            "`make reset`, which deletes it."
        ) from error


def _read(file: Path) -> object:
    held = persistence.load_state(file.stem)
    if held is None:
        raise ValueError("the line above says why")
    return held


def _write(folder: Path) -> None:
    """Calls MiniStack's own functions, and raises where they only log an error."""
    persistence.STATE_DIR = str(folder)
    for name, get_state in ministack._build_persistence_save_dict().items():  # noqa: SLF001 it has no public one
        held = get_state()
        if held is None:
            continue
        persistence.save_state(name, held)
        if not (folder / f"{name}.json").exists():
            raise SaveFailed(f"{name}.json could not be written; the line above says why")


def _config(port: str) -> Config:
    config = Config()
    config.bind = [f"{HOST}:{port}"]
    config.keep_alive_timeout = 75
    config.startup_timeout = None  # a busy machine takes long
    config.loglevel = "WARNING"
    return config


def _raise_limit_of_open_files() -> None:
    """The usual limit of 1,024 is too low for a burst of connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):  # macOS refuses "unlimited"
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main(*sys.argv[1:])
