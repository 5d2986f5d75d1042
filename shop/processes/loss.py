"""Reports at the end of a shop that its emulator did not save its data."""

from collections.abc import Callable

from shop.paths import Paths
from shop.processes.programs import EMULATOR


class LossReport:
    """Only the save that the emulator makes at its end contains everything: the services have stopped before it.

    An earlier save may be completed during the stop, but it misses what was written since it began.
    """

    def __init__(self, paths: Paths, say: Callable[[str], None]) -> None:
        self._paths = paths
        self._say = say
        self._holds_data = False

    def ready(self, name: str) -> None:
        """Once the emulator is ready, it holds data."""
        self._holds_data |= name == EMULATOR

    def end(self) -> None:
        """Prints a line only if something may be lost."""
        if self._holds_data and not self._paths.state.is_final():
            log = self._paths.log(EMULATOR)
            self._say(f"The emulator ended without saving. {self._paths.state.loss()} Its log: {log}")
        self._holds_data = False
