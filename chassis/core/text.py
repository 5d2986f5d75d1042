"""Makes text from clients and AWS safe for a terminal."""

from unicodedata import category

SEPARATORS = {"Zl", "Zp"}  # Unicode categories of line and paragraph separators


def legible(text: str, keep: str = "") -> str:
    """`text` with its control and format characters escaped, except those in `keep`. They could control a terminal."""
    if text.isprintable():
        return text
    return "".join(c if c in keep or _is_shown(category(c)) else ascii(c)[1:-1] for c in text)


def _is_shown(kind: str) -> bool:
    return not kind.startswith("C") and kind not in SEPARATORS
