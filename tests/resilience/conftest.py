"""Prints the seed first and the figures that tests measured (`record_property("figures", …)`) last."""

from collections.abc import Iterator

import pytest

from tests.resilience.sampling import FULL, SEED


def pytest_report_header() -> str:
    return f"resilience: {'every case' if FULL else 'a sample of the cases'}, SHOP_SEED={SEED} repeats it"


def figures(reporter: pytest.TerminalReporter) -> Iterator[str]:
    for outcome in ("passed", "failed"):
        for report in reporter.stats.get(outcome, []):
            yield from (str(value) for name, value in report.user_properties if name == "figures")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if measured := list(figures(terminalreporter)):
        terminalreporter.section("figures")
    for text in measured:
        terminalreporter.write_line(text)
