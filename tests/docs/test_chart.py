"""The scales of a panel."""

import pytest

from docs.chart import Panel, svg


def test_a_linear_scale_goes_from_the_bottom_to_the_top() -> None:
    panel = Panel(10, 20, 100, 50, x_end=200, y_high=5)
    assert (panel.x(0), panel.x(200)) == ("10.0", "110.0")
    assert (panel.y(0), panel.y(2.5), panel.y(5)) == ("70.0", "45.0", "20.0")


def test_a_logarithmic_scale_gives_each_power_of_ten_the_same_room() -> None:
    panel = Panel(0, 0, 100, 30, x_end=1, y_high=1000, y_low=1, logarithmic=True)
    assert [panel.y(value) for value in (1, 10, 100, 1000)] == ["30.0", "20.0", "10.0", "0.0"]


@pytest.mark.parametrize(("value", "drawn"), [(-1, "50.0"), (99, "0.0")])
def test_a_value_outside_the_scale_is_drawn_at_its_edge(value: float, drawn: str) -> None:
    assert Panel(0, 0, 100, 50, x_end=1, y_high=5).y(value) == drawn


def test_a_picture_has_its_title_and_parts() -> None:
    panel = Panel(0, 0, 100, 50, x_end=10, y_high=5)
    drawn = svg(100, 50, "What it shows", [panel.line([(0, 0), (10, 5)], "red"), panel.band(2, 4)])
    assert '<polyline points="0.0,50.0 100.0,0.0"' in drawn
    assert 'x="20.0" y="0" width="20.0"' in drawn
    assert "<title>What it shows</title>" in drawn
