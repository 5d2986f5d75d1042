"""The result of one check, as the line that `shop doctor` prints."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`advice` says what to do next."""

    ok: bool
    subject: str
    text: str
    advice: str = ""
    mark: str = "✓"

    def __str__(self) -> str:
        advice = f"\n               → {self.advice}" if self.advice else ""
        return f"{self.mark} {self.subject:<12} {self.text}{advice}"


def good(subject: str, text: str) -> Finding:
    return Finding(ok=True, subject=subject, text=text)


def bad(subject: str, text: str, advice: str) -> Finding:
    return Finding(ok=False, subject=subject, text=text, advice=advice, mark="✗")


def not_checked(subject: str, text: str) -> Finding:
    """Neither good nor bad: doctor does not know how to check it."""
    return Finding(ok=True, subject=subject, text=f"not checked: {text}", mark="·")
