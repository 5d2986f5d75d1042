"""Each package of the chassis has a budget of lines, and no word of the domain."""

import re
from pathlib import Path

import pytest

from tests.lines import lines_of_code

CHASSIS = Path(__file__).parent.parent.parent / "chassis"
BUDGETS = {"tracing": 206, "core": 586, "web": 974, "aws": 437, "aws/fast": 500, "messaging": 677, "functions": 97}
FILES = sorted(CHASSIS.rglob("*.py"))
WORDS = "product|basket|order|price|checkout|catalogue|customer|receipt"
DOMAIN = re.compile(rf"(?<![a-z])({WORDS})s?(?![a-z])", re.IGNORECASE)


@pytest.mark.parametrize(("package", "budget"), BUDGETS.items())
def test_each_package_is_within_its_budget(package: str, budget: int) -> None:
    assert lines_of_code((CHASSIS / package).glob("*.py")) <= budget


def test_every_file_belongs_to_a_package_with_a_budget() -> None:
    assert {path.parent.relative_to(CHASSIS).as_posix() for path in FILES} == {*BUDGETS, "."}


def test_no_file_of_it_is_over_150_lines() -> None:
    assert {path.name: n for path in FILES if (n := len(path.read_text().splitlines())) > 150} == {}


def test_it_has_no_word_of_the_domain() -> None:
    words = {path.name: found for path in FILES if (found := DOMAIN.findall(path.read_text()))}
    assert words == {}
