from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.environment import ROOT
from tests.mutation.check import Run, check, fit
from tests.mutation.mutants import MUTANTS, Mutant

TEST = "tests/test_code.py::test_it"
MUTANT = Mutant("truth is lost", "chassis/code.py", "TRUE", "FALSE", TEST)
GREEN, RED = Run(0, f"PASSED {TEST}"), Run(1, f"FAILED {TEST} - assert FALSE")
RunTests = Callable[[Path, Sequence[str]], Run]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "chassis").mkdir()
    (tmp_path / "chassis" / "code.py").write_text("x = TRUE\n")
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_code.py").write_text("def test_it():\n    ...\n")
    return tmp_path


def answering(on_the_original: Run, on_the_mutant: Run) -> RunTests:
    def run(tree: Path, tests: Sequence[str]) -> Run:
        mutated = (tree / "chassis" / "code.py").read_text() == "x = FALSE\n"
        return on_the_mutant if mutated else on_the_original

    return run


def judge(source: Path, run: RunTests, *mutants: Mutant) -> tuple[bool, str]:
    said: list[str] = []
    return check(source, mutants or (MUTANT,), run, said.append), "\n".join(said)


def test_a_mutant_whose_test_fails_is_killed_and_the_tree_is_left_alone(source: Path) -> None:
    good, said = judge(source, answering(GREEN, RED))
    assert good
    assert "truth is lost: killed: assert FALSE" in said
    assert (source / "chassis" / "code.py").read_text() == "x = TRUE\n"


@pytest.mark.parametrize(
    ("on_the_mutant", "message"),
    [
        (GREEN, "SURVIVED"),
        (Run(1, f"ERROR {TEST} - fixture"), "NO VERDICT"),
        (Run(1, f"FAILED {TEST}_too - assert FALSE"), "NO VERDICT"),
        (Run(2, "ERROR tests/test_code.py"), "NO VERDICT"),
        (Run(4, f"ERROR: not found: {TEST}"), "NO VERDICT"),
        (Run(1, f"FAILED {TEST} - NameError: name 'FALSE' is not defined"), "INVALID"),
    ],
)
def test_a_mutant_that_no_failing_test_kills_is_reported(source: Path, on_the_mutant: Run, message: str) -> None:
    good, said = judge(source, answering(GREEN, on_the_mutant))
    assert not good
    assert f"truth is lost: {message}" in said


@pytest.mark.parametrize("original", [RED, Run(0, "no tests"), Run(4, "not found"), Run(1, f"PASSED {TEST}\nERROR x")])
def test_a_test_that_fails_without_a_mutant_is_reported_before_any_mutant_is_applied(
    source: Path, original: Run
) -> None:
    good, said = judge(source, answering(original, RED))
    assert not good
    assert "FAILS WITHOUT A MUTANT" in said
    assert "killed" not in said


def test_no_mutant_of_the_shop_is_outdated() -> None:
    said: list[str] = []
    assert fit(ROOT, MUTANTS, said.append), said


@pytest.mark.parametrize(("text", "count"), [("x = 1", 0), ("TRUE\nTRUE", 2)])
def test_a_mutant_whose_text_is_gone_or_not_unique_is_reported_before_any_test_runs(
    source: Path, text: str, count: int
) -> None:
    (source / "chassis" / "code.py").write_text(text)
    good, said = judge(source, lambda *_: pytest.fail("runs tests"))
    assert not good
    assert f"OUTDATED: its text stands {count} times" in said


@pytest.mark.parametrize(
    ("gone", "message"),
    [("chassis/code.py", "its text stands 0 times in chassis/code.py"), ("tests/test_code.py", f"there is no {TEST}")],
)
def test_a_mutant_whose_file_or_test_is_gone_is_reported_before_any_test_runs(
    source: Path, gone: str, message: str
) -> None:
    (source / gone).unlink()
    good, said = judge(source, lambda *_: pytest.fail("runs tests"))
    assert not good
    assert f"truth is lost  OUTDATED: {message}" in said
    assert "tests/mutation/mutants.py" in said


def test_one_surviving_mutant_fails_the_check(source: Path) -> None:
    other = MUTANT._replace(name="nothing is changed", new="TRUE")
    good, said = judge(source, answering(GREEN, RED), MUTANT, other)
    assert not good
    assert ("truth is lost: killed" in said, "nothing is changed: SURVIVED" in said) == (True, True)


def test_the_mutants_have_names_of_their_own_and_change_something() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert all(mutant.old != mutant.new for mutant in MUTANTS)
