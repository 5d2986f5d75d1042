"""The mutation check: each mutant breaks one promise in a copy of the code, and the test named for it must fail."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
COPIED = ("chassis", "services", "bootstrap", "shop", "tests")
AT_ONCE = 2
PASSED, SOME_FAILED = 0, 1  # pytest's exit codes; higher ones are no verdict on the code
# A mutant that cannot even run proves nothing about the test.
STILLBORN = ("AttributeError", "ImportError", "IndentationError", "NameError", "SyntaxError", "TypeError")
KILLED = "killed"


class Mutant(NamedTuple):
    name: str
    file: str
    old: str
    new: str
    killer: str


class Run(NamedTuple):
    """What pytest answered: its exit code, and its output with a line `FAILED id - why` or `PASSED id` a test."""

    code: int
    output: str

    def said(self, outcome: str, test: str) -> str | None:
        """Why, after "FAILED" or "ERROR"; None if that is not what became of the test."""
        line = f"{outcome} {test}"
        found = [told for told in self.output.splitlines() if told == line or told.startswith(f"{line} - ")]
        return found[0].removeprefix(line).removeprefix(" - ") if found else None

    @property
    def end(self) -> str:
        return f"pytest ended with {self.code}\n" + "\n".join(self.output.splitlines()[-10:])


RunTests = Callable[[Path, Sequence[str]], Run]
Say = Callable[[str], object]

MUTANTS = (
    Mutant(
        "the order's condition is dropped",
        "services/ordering/store.py",
        '                ConditionExpression="attribute_not_exists(orderId)",\n',
        "",
        "tests/ordering/test_store.py::test_the_same_order_again_is_known_even_when_its_status_has_moved_on",
    ),
    Mutant(
        "messages are deleted before the orders are written",
        "chassis/messaging/queue.py",
        "                must_check = _acknowledge(",
        "                queue.delete(records)\n                must_check = _acknowledge(",
        "tests/chassis/messaging/test_queue.py::test_handled_messages_are_deleted_and_failed_ones_backed_off",
    ),
    Mutant(
        "refused entries of a publish count as taken",
        "chassis/messaging/bus.py",
        'return [event for event, result in results if "EventId" in result]',
        "return [event for event, _ in results]",
        "tests/chassis/messaging/test_bus.py::test_publish_returns_only_accepted_events[3]",
    ),
    Mutant(
        "a delete's failures are not read",
        "chassis/messaging/queue.py",
        'for failure in answer.get("Failed", [])]',
        "for failure in ()]",
        "tests/chassis/messaging/test_queue.py::test_failed_deletes_are_retried",
    ),
    Mutant(
        "the receipt is read before the basket",
        "services/basket/service.py",
        "basket, receipt = self._baskets.get(user_name), self._baskets.receipt(user_name, key)",
        "receipt, basket = self._baskets.receipt(user_name, key), self._baskets.get(user_name)",
        "tests/basket/test_service.py::test_concurrent_checkout_with_same_key_returns_its_receipt[0]",
    ),
    Mutant(
        "each attempt of a checkout gets an order id of its own",
        "services/basket/service.py",
        "                found, earlier = self._basket",
        "                order = order._replace(order_id=self._new_id())\n"
        "                found, earlier = self._basket",
        "tests/basket/test_service.py"
        "::test_a_database_that_dies_in_the_commit_leaves_an_unknown_outcome_that_names_the_order",
    ),
    Mutant(
        "an order's content is not compared",
        "services/ordering/store.py",
        'if old_item(error).get("contentHash") != content_hash:',
        "if not old_item(error):",
        "tests/ordering/test_store.py::test_another_content_under_the_same_id_is_a_conflict_and_changes_nothing",
    ),
    Mutant(
        "a basket's version is a counter",
        "services/basket/service.py",
        ".written_as(self._new_id())",
        '.written_as(str(int((found and found.version) or "0") + 1))',
        "tests/basket/test_service.py::test_a_basket_filled_again_meanwhile_is_never_taken_for_the_one_before",
    ),
    Mutant(
        "the event is published before the transaction",
        "services/basket/service.py",
        "                if attempts.write(partial(self._baskets.commit",
        "                self._bus.publish([event])\n                if attempts.write(partial(self._baskets.commit",
        "tests/basket/test_service.py::test_a_checkout_ends_at_its_deadline",
    ),
    Mutant(
        "SIGTERM is swallowed",
        "chassis/messaging/process.py",
        "signal.signal(signum, self._on_signal)",
        "signal.signal(signum, self._on_signal if signum == signal.SIGINT else signal.SIG_IGN)",
        "tests/chassis/messaging/test_process.py::test_signal_does_not_interrupt_work",
    ),
)


def check(source: Path, mutants: Sequence[Mutant], run: RunTests, say: Say) -> bool:
    """True if every test is green on `source` and red on its mutant; says how each fared."""
    if complaints := dict(_misfits(source, mutants)) or dict(_red(source, mutants, run)):
        say(_table(complaints))
        return False
    say(f"{len(mutants)} mutants; their tests are green on the tree as it is")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = {pool.submit(_verdict, source, mutant, run): mutant for mutant in mutants}
        for job in as_completed(jobs):
            say(f"{jobs[job].name}: {job.result()}")
    verdicts = {mutant.name: f"{job.result().split(':')[0]:8}  {mutant.killer}" for job, mutant in jobs.items()}
    say(f"\n{_table(verdicts)}")
    return all(job.result().startswith(KILLED) for job in jobs)


def run_pytest(tree: Path, tests: Sequence[str]) -> Run:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COVERAGE_"))}
    env |= {"PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "1000"}  # pytest cuts its summary's lines to the width
    command = [sys.executable, "-m", "pytest", "-rA", "--tb=short", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)
    return Run(done.returncode, done.stdout + done.stderr)


def _misfits(source: Path, mutants: Sequence[Mutant]) -> Iterator[tuple[str, str]]:
    for mutant in mutants:
        if (count := (source / mutant.file).read_text().count(mutant.old)) != 1:
            yield mutant.name, f"MISFIT: its text is {count} times in {mutant.file}, not once"


def _red(source: Path, mutants: Sequence[Mutant], run: RunTests) -> Iterator[tuple[str, str]]:
    with _copy(source) as tree:
        done = run(tree, [mutant.killer for mutant in mutants])
    for mutant in mutants:
        if done.said("PASSED", mutant.killer) is None:
            why = done.said("FAILED", mutant.killer) or done.said("ERROR", mutant.killer) or done.end
            yield mutant.name, f"RED ON THE ORIGINAL: {mutant.killer}: {why}"
    if done.code != PASSED:
        yield "all", f"RED ON THE ORIGINAL: {done.end}"


def _verdict(source: Path, mutant: Mutant, run: RunTests) -> str:
    with _copy(source) as tree:
        file = tree / mutant.file
        file.write_text(file.read_text().replace(mutant.old, mutant.new))
        done = run(tree, [mutant.killer])
    if done.code == PASSED:
        return "SURVIVED"
    if done.code != SOME_FAILED or (why := done.said("FAILED", mutant.killer)) is None:
        return f"NO VERDICT: {done.end}"
    return f"{'STILLBORN' if why.startswith(STILLBORN) else KILLED}: {why}"


@contextmanager
def _copy(source: Path) -> Iterator[Path]:
    """Never the checkout itself: an interrupted run must not leave a mutant there."""
    with TemporaryDirectory(prefix="mutant-") as name:
        tree = Path(name)
        for part in COPIED:
            if (source / part).is_dir():
                shutil.copytree(source / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(source / "pyproject.toml", tree)
        (tree / ".venv-emulator").symlink_to(source / ".venv-emulator")
        yield tree


def _table(rows: dict[str, str]) -> str:
    width = max(map(len, rows))
    return "\n".join(f"{name:{width}}  {text}" for name, text in rows.items())


if __name__ == "__main__":
    sys.exit(not check(ROOT, MUTANTS, run_pytest, lambda text: print(text, flush=True)))
