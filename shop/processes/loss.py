"""Says at the end of a shop whether its emulator saved what it held."""

from collections.abc import Callable

from shop.paths import Paths
from shop.processes.programs import EMULATOR


class LossReport:
    """Only the save that the emulator makes at its end holds everything: the services had stopped before it.

    One from while it ran may be complete only after that, and lacks what was written since it began.
    """

    def __init__(self, paths: Paths, say: Callable[[str], None]) -> None:
        self._paths = paths
        self._say = say
        self._holds_data = False

    def ready(self, name: str) -> None:
        """From then on the emulator holds data."""
        self._holds_data |= name == EMULATOR

    def end(self) -> None:
        """Speaks only if something may be lost."""
        if self._holds_data and not self._paths.state.is_final():
            log = self._paths.log(EMULATOR)
            self._say(f"The emulator ended without saving. {self._paths.state.loss()} Its log: {log}")
        self._holds_data = False
