"""Says at the end of a shop whether its emulator saved what it held."""

from collections.abc import Callable

from local.home import Home
from local.programs import EMULATOR


class LossReport:
    """Only the save that the emulator makes at its end holds everything: the services had stopped before it.

    One from while it ran may be complete only after that, and lacks what was written since it began.
    """

    def __init__(self, home: Home, say: Callable[[str], None]) -> None:
        self._home = home
        self._say = say
        self._holds_data = False

    def ready(self, name: str) -> None:
        """From then on the emulator holds data."""
        self._holds_data |= name == EMULATOR

    def end(self) -> None:
        """Speaks only if something may be lost."""
        if self._holds_data and not self._home.state.is_final():
            log = self._home.log(EMULATOR)
            self._say(f"The emulator ended without saving. {self._home.state.loss()} Its log: {log}")
        self._holds_data = False
