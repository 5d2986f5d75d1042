import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core.text import legible


def test_what_people_can_read_stays_as_it_is() -> None:
    assert legible("Özkaya 日本\u3000\U0001f4f1 3 × 12.30 €") == "Özkaya 日本\u3000\U0001f4f1 3 × 12.30 €"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),  # a terminal's escape, in seven bits and in eight
        ("\x9b2J", r"\x9b2J"),
        ("a\nb\r\t", r"a\nb\r\t"),
        ("a\u2028b\u2029c\x85", r"a\u2028b\u2029c\x85"),  # Python and some terminals begin a line there too
        ("\u202eabc\u2066", r"\u202eabc\u2066"),  # writes backwards
        ("\ud800", r"\ud800"),
        ("\x00\x7f", r"\x00\x7f"),
    ],
)
def test_what_steers_a_terminal_or_begins_a_line_is_escaped(text: str, shown: str) -> None:
    assert legible(text) == shown


def test_line_feeds_stay_where_they_are_wanted() -> None:
    assert legible("a\n\tb\x1b", keep="\n\t") == "a\n\tb\\x1b"


@given(st.text())
def test_whatever_it_is_it_becomes_one_line(text: str) -> None:
    assert len(legible(text).splitlines()) <= 1
