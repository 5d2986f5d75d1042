"""The mutation check: applies each mutant to a copy of the tree, where its test must fail. `make mutation-check`

`python -m tests.mutation.check outdated-mutants` only finds those that the code or a test moved away from.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.mutation.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
COPIED = ("chassis", "services", "bootstrap", "shop", "tests")
WORKERS = 2
PASSED, SOME_FAILED = 0, 1  # pytest's exit codes; higher ones are no verdict on the code
# A mutant that cannot run proves nothing about the test.
INVALID = ("AttributeError", "ImportError", "IndentationError", "NameError", "SyntaxError", "TypeError")
KILLED = "killed"


class Run(NamedTuple):
    """pytest's exit code, and its output, which has a line `FAILED id - why` or `PASSED id` for each test."""

    code: int
    output: str

    def reason(self, outcome: str, test: str) -> str | None:
        """The reason after `outcome`; None if the test had another outcome."""
        line = f"{outcome} {test}"
        found = [each for each in self.output.splitlines() if each == line or each.startswith(f"{line} - ")]
        return found[0].removeprefix(line).removeprefix(" - ") if found else None

    @property
    def end(self) -> str:
        return f"pytest ended with {self.code}\n" + "\n".join(self.output.splitlines()[-10:])


RunTests = Callable[[Path, Sequence[str]], Run]
Say = Callable[[str], object]


def check(source: Path, mutants: Sequence[Mutant], run: RunTests, say: Say) -> bool:
    """True if every test passes in `source` and fails with its mutant. Says what became of each mutant."""
    if not fit(source, mutants, say) or _complain(dict(_failing(source, mutants, run)), say):
        return False
    say(f"{len(mutants)} mutants: their tests pass without them")
    with ThreadPoolExecutor(WORKERS) as pool:
        jobs = {pool.submit(_verdict, source, mutant, run): mutant for mutant in mutants}
        for job in as_completed(jobs):
            say(f"{jobs[job].name}: {job.result()}")
    verdicts = {mutant.name: f"{job.result().split(':')[0]:8}  {mutant.test}" for job, mutant in jobs.items()}
    say(f"\n{_table(verdicts)}")
    return all(job.result().startswith(KILLED) for job in jobs)


def fit(source: Path, mutants: Sequence[Mutant], say: Say) -> bool:
    """True if the text and the test of each mutant are in `source`. Runs no test."""
    return not _complain(dict(_outdated(source, mutants)), say)


def _complain(complaints: Mapping[str, str], say: Say) -> bool:
    if complaints:
        say(_table(complaints))
        say("\nIf you moved or renamed code or a test, move its mutant along: tests/mutation/mutants.py")
    return bool(complaints)


def run_pytest(tree: Path, tests: Sequence[str]) -> Run:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env |= {"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "1000"}  # pytest cuts its summary's lines to the width
    command = [sys.executable, "-m", "pytest", "-rA", "--tb=short", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)
    return Run(done.returncode, done.stdout + done.stderr)


def _outdated(source: Path, mutants: Sequence[Mutant]) -> Iterator[tuple[str, str]]:
    for mutant in mutants:
        if (count := _text(source / mutant.file).count(mutant.old)) != 1:
            yield mutant.name, f"OUTDATED: its text stands {count} times in {mutant.file}, and must stand there once"
        file, _, test = mutant.test.partition("::")
        if f"def {test.partition('[')[0]}(" not in _text(source / file):
            yield mutant.name, f"OUTDATED: there is no {mutant.test}"


def _text(file: Path) -> str:
    return file.read_text() if file.is_file() else ""


def _failing(source: Path, mutants: Sequence[Mutant], run: RunTests) -> Iterator[tuple[str, str]]:
    with _copy(source) as tree:
        done = run(tree, [mutant.test for mutant in mutants])
    for mutant in mutants:
        if done.reason("PASSED", mutant.test) is None:
            why = done.reason("FAILED", mutant.test) or done.reason("ERROR", mutant.test) or done.end
            yield mutant.name, f"FAILS WITHOUT A MUTANT: {mutant.test}: {why}"
    if done.code != PASSED:
        yield "all", f"FAILS WITHOUT A MUTANT: {done.end}"


def _verdict(source: Path, mutant: Mutant, run: RunTests) -> str:
    with _copy(source) as tree:
        file = tree / mutant.file
        file.write_text(file.read_text().replace(mutant.old, mutant.new))
        done = run(tree, [mutant.test])
    if done.code == PASSED:
        return "SURVIVED"
    if done.code != SOME_FAILED or (why := done.reason("FAILED", mutant.test)) is None:
        return f"NO VERDICT: {done.end}"
    return f"{'INVALID' if why.startswith(INVALID) else KILLED}: {why}"


@contextmanager
def _copy(source: Path) -> Iterator[Path]:
    """A mutant is never applied to the checkout itself, where an interrupted run would leave it."""
    with TemporaryDirectory(prefix="mutant-") as name:
        tree = Path(name)
        for part in COPIED:
            if (source / part).is_dir():
                shutil.copytree(source / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(source / "pyproject.toml", tree)
        (tree / ".venv-emulator").symlink_to(source / ".venv-emulator")
        yield tree


def _table(rows: Mapping[str, str]) -> str:
    width = max(map(len, rows))
    return "\n".join(f"{name:{width}}  {text}" for name, text in rows.items())


if __name__ == "__main__":
    say = partial(print, flush=True)
    only_fit = sys.argv[1:] == ["outdated-mutants"]
    sys.exit(not (fit(ROOT, MUTANTS, say) if only_fit else check(ROOT, MUTANTS, run_pytest, say)))
