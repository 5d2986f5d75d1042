"""The emulator's data on disk: each save is complete and of one moment, or it does not exist."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

DRAFTS = "draft*"  # of any process, and of an earlier version
FINAL = "final"  # a file in a save


@dataclass(frozen=True)
class State:
    """A numbered folder for each save, the highest number is the newest. A draft gets its number when it is complete.

    MiniStack writes a file for each service, so an interrupted save could hold a queue that is older than the tables,
    and has lost messages.
    """

    path: Path

    def newest(self) -> Path:
        """The last complete save. Before the first one, the folder itself, where earlier versions kept their files."""
        saves = self._saves()
        return saves[-1] if saves else self.path

    def saved_at(self) -> float | None:
        """When the newest save was complete, in seconds since the epoch; None if there is none."""
        saves = self._saves()
        return saves[-1].stat().st_mtime if saves else None

    def loss(self) -> str:
        """A sentence for the user after an end without a save."""
        saved = self.saved_at()
        if saved is None:
            return "Nothing was saved yet: what it held is lost."
        return (
            f"The last save is of {time.strftime('%H:%M:%S', time.localtime(saved))}: what changed since may be lost."
        )

    def drafted(self) -> int:
        """How many bytes of a save have been written that is under way."""
        return sum(_size(file) for file in self.path.glob(f"{DRAFTS}/*"))

    def draft(self) -> Path:
        """An empty folder for a new save of this process. A killed emulator's child may still write to another."""
        draft = self.path / f"draft-{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        return draft

    def remove_drafts(self) -> None:
        """Removes what interrupted saves left, also those of other processes."""
        for draft in self.path.glob(DRAFTS):
            shutil.rmtree(draft, ignore_errors=True)

    def is_final(self) -> bool:
        """Whether the newest save was made at the end of an emulator, and no other has started since."""
        return (self.newest() / FINAL).exists()

    def reopen(self) -> None:
        """Notes that an emulator has read the newest save, which may miss changes from now on."""
        (self.newest() / FINAL).unlink(missing_ok=True)

    def publish(self, draft: Path, last_check: Callable[[], None] = lambda: None, *, final: bool = False) -> None:
        """Makes the complete `draft` the newest save, which also survives a power failure, and removes the others.

        What `last_check` raises, immediately before, keeps the draft from it.
        """
        if final:
            (draft / FINAL).touch()
        for file in draft.iterdir():
            _write_through(file)
        older = self._saves()
        number = int(older[-1].name) + 1 if older else 1
        draft.touch()
        last_check()
        draft.rename(self.path / str(number))
        _write_through(self.path)
        for save in older:
            shutil.rmtree(save, ignore_errors=True)
        for file in self.path.glob("*.json"):  # of an earlier version
            file.unlink()

    def _saves(self) -> list[Path]:
        return sorted((it for it in self.path.glob("*") if it.name.isdecimal()), key=lambda it: int(it.name))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0  # renamed since it was listed


def _write_through(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
