"""Texts that others wrote, made fit for a terminal."""

from unicodedata import category

HIDDEN = {"Zl", "Zp"}  # the separators of lines and of paragraphs


def legible(text: str, keep: str = "") -> str:
    """`text` with escapes for what would steer a terminal or break a line: control and format characters but `keep`."""
    if text.isprintable():
        return text
    return "".join(c if c in keep or _is_shown(category(c)) else ascii(c)[1:-1] for c in text)


def _is_shown(kind: str) -> bool:
    return not kind.startswith("C") and kind not in HIDDEN
