"""What a shop says at its end about an emulator that did not save."""

from pathlib import Path

import pytest

from local.home import Home
from local.loss import LossReport


class Ending:
    def __init__(self, path: Path) -> None:
        self.home = Home(path)
        self.said: list[str] = []
        self.report = LossReport(self.home, self.said.append)

    def save(self) -> None:
        self.home.state.publish(self.home.state.draft())


@pytest.fixture
def ending(tmp_path: Path) -> Ending:
    return Ending(tmp_path)


def test_a_save_at_the_end_needs_no_word(ending: Ending) -> None:
    ending.report.ready("emulator")
    ending.save()
    ending.report.begin()
    ending.save()
    ending.report.end()
    assert ending.said == []


def test_an_end_without_a_save_says_since_when_and_where_to_look(ending: Ending) -> None:
    ending.report.ready("emulator")
    ending.save()
    ending.report.begin()
    ending.report.end()
    (said,) = ending.said
    assert said.startswith("The emulator ended without saving. The last save is of ")
    assert said.endswith(f"may be lost. Its log: {ending.home.log('emulator')}")


def test_a_second_ctrl_c_is_part_of_the_first_ones_end(ending: Ending) -> None:
    ending.report.ready("emulator")
    ending.report.begin()
    ending.save()
    ending.report.begin()
    ending.report.end()
    assert ending.said == []


def test_a_shop_whose_emulator_never_was_ready_has_lost_nothing(ending: Ending) -> None:
    ending.report.ready("product")
    ending.report.begin()
    ending.report.end()
    assert ending.said == []
