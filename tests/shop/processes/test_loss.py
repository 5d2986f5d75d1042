"""What a shop says at its end about an emulator that did not save."""

from pathlib import Path

import pytest

from shop.paths import Paths
from shop.processes.loss import LossReport


class Ending:
    def __init__(self, path: Path) -> None:
        self.paths = Paths(path)
        self.said: list[str] = []
        self.report = LossReport(self.paths, self.said.append)

    def save(self, *, final: bool) -> None:
        self.paths.state.publish(self.paths.state.draft(), final=final)


@pytest.fixture
def ending(tmp_path: Path) -> Ending:
    return Ending(tmp_path)


def test_nothing_is_reported_after_a_save_at_the_end(ending: Ending) -> None:
    ending.report.ready("emulator")
    ending.save(final=False)
    ending.save(final=True)
    ending.report.end()
    assert ending.said == []


def test_an_end_without_a_save_is_reported_with_the_time_and_the_log(ending: Ending) -> None:
    """A save from while the emulator ran is none, however late it was complete: what came after its fork is missing."""
    ending.report.ready("emulator")
    ending.save(final=False)
    ending.report.end()
    (said,) = ending.said
    assert said.startswith("The emulator ended without saving. The last save is of ")
    assert said.endswith(f"may be lost. Its log: {ending.paths.log('emulator')}")


def test_the_save_at_the_end_of_an_earlier_run_does_not_count(ending: Ending) -> None:
    ending.save(final=True)
    ending.paths.state.reopen()
    ending.report.ready("emulator")
    ending.report.end()
    assert len(ending.said) == 1


def test_nothing_is_lost_before_the_emulator_was_ready(ending: Ending) -> None:
    ending.report.ready("product")
    ending.report.end()
    assert ending.said == []
