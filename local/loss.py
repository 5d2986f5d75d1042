"""Says at the end of a shop whether its emulator saved what it held."""

from collections.abc import Callable
from pathlib import Path

from local.home import Home
from local.programs import EMULATOR


class LossReport:
    """A save that is newer than the beginning of the end holds everything, for the services had stopped before it."""

    def __init__(self, home: Home, say: Callable[[str], None]) -> None:
        self._home = home
        self._say = say
        self._holds_data = False
        self._before: Path | None = None

    def ready(self, name: str) -> None:
        """From then on the emulator holds data."""
        self._holds_data |= name == EMULATOR

    def begin(self) -> None:
        self._before = self._before or self._home.state.newest()

    def end(self) -> None:
        """Speaks only if something may be lost."""
        if self._holds_data and self._home.state.newest() == self._before:
            log = self._home.log(EMULATOR)
            self._say(f"The emulator ended without saving. {self._home.state.loss()} Its log: {log}")
        self._holds_data = False
