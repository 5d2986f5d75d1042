"""What a check found, as the line `doctor` prints."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One check's outcome; `advice` says what to do about a bad one."""

    ok: bool
    subject: str
    text: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f"\n               → {self.advice}" if self.advice else ""
        return f"{'✓' if self.ok else '✗'} {self.subject:<12} {self.text}{advice}"


def good(subject: str, text: str) -> Finding:
    return Finding(ok=True, subject=subject, text=text)


def bad(subject: str, text: str, advice: str) -> Finding:
    return Finding(ok=False, subject=subject, text=text, advice=advice)
