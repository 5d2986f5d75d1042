"""The page on scale has what the simulation gives."""

from docs.generate import filled
from simulate import picture, report
from tests.environment import ROOT

PAGE = ROOT / "docs" / "scale.md"


def test_page_has_what_the_simulation_gives() -> None:
    """`make simulate` updates the page."""
    assert filled(PAGE.read_text(), report.section()) == PAGE.read_text()


def test_picture_is_drawn_from_the_simulation() -> None:
    assert PAGE.with_suffix(".svg").read_text() == picture.draw(report.pictured(), report.PICTURED)
