"""What the fault tests measured is told at the end: `record_property("figures", …)`."""

from collections.abc import Iterator

import pytest


def figures(reporter: pytest.TerminalReporter) -> Iterator[str]:
    for outcome in ("passed", "failed"):
        for report in reporter.stats.get(outcome, []):
            yield from (str(value) for name, value in report.user_properties if name == "figures")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if told := list(figures(terminalreporter)):
        terminalreporter.section("figures")
    for text in told:
        terminalreporter.write_line(text)
