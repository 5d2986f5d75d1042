import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.core.text import legible


def test_readable_text_is_unchanged() -> None:
    assert legible("Özkaya 日本\u3000\U0001f4f1 3 × 12.30 €") == "Özkaya 日本\u3000\U0001f4f1 3 × 12.30 €"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),  # an escape sequence, in 7 and in 8 bits
        ("\x9b2J", r"\x9b2J"),
        ("a\nb\r\t", r"a\nb\r\t"),
        ("a\u2028b\u2029c\x85", r"a\u2028b\u2029c\x85"),  # Python and some terminals start a line there too
        ("\u202eabc\u2066", r"\u202eabc\u2066"),  # writes backwards
        ("\ud800", r"\ud800"),
        ("\x00\x7f", r"\x00\x7f"),
    ],
)
def test_control_characters_are_escaped(text: str, shown: str) -> None:
    assert legible(text) == shown


def test_characters_to_keep_are_unchanged() -> None:
    assert legible("a\n\tb\x1b", keep="\n\t") == "a\n\tb\\x1b"


@given(st.text())
def test_result_is_always_one_line(text: str) -> None:
    assert len(legible(text).splitlines()) <= 1
