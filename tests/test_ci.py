"""`.ci/run` with stand-ins for `make`, `docker` and `git`: what it runs, skips and reports."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.environment import ROOT

TOOLS = {"make": 'echo "made $*"; [ "$1" != "$FAILING" ]', "git": "exit 0", "npm": "exit 0"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of `.ci/run`, and in `bin` the programs that it calls."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    for name, script in TOOLS.items():
        install(tmp_path, name, script)
    for name in ("bash", "dirname", "mkdir", "rm", "sed", "wc"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    return tmp_path


def install(folder: Path, name: str, script: str) -> Path:
    program = folder / "bin" / name
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


def run(folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Without the default engine, which would be started for real where our CI has one."""
    settings = {"PATH": str(folder / "bin"), "FAILING": "", "SHOP_ENGINE": "/nowhere"} | env
    script, merged = str(folder / ".ci" / "run"), subprocess.STDOUT
    return subprocess.run([script], env=settings, text=True, stdout=subprocess.PIPE, stderr=merged, check=False)


def results(output: str) -> dict[str, str]:
    """The table at the end: each suite's result."""
    table = output[output.index("suite  ") :].splitlines()[1:]
    return {line[:18].strip(): line[36:].strip() for line in table}


def test_ci_runs_every_suite_and_ends_with_a_table_of_minutes_and_budgets(folder: Path) -> None:
    install(folder, "docker", "exit 0")
    done = run(folder)
    suites = ["lint", "mutation-check", "test", "test-boto3", "test-otlp", "test-load", "resilience", "bench-check"]
    suites += ["test-clients", "test-cdk", "test-browser", "test-emulator", "test-docker", "resilience-docker", "total"]
    assert done.returncode == 0, done.stdout
    assert results(done.stdout) == dict.fromkeys(suites, "passed")
    assert f"{'total':18}      0.0      88  passed" in done.stdout


def test_ci_stops_at_the_first_suite_that_fails(folder: Path) -> None:
    done = run(folder, FAILING="mutation-check")
    assert done.returncode != 0
    assert results(done.stdout) == {"lint": "passed", "mutation-check": "FAILED", "total": "FAILED"}


# A suite with failed tests. pytest records them, and passes or fails in the second try.
FAILS_ONCE = """
echo "made $*"
[ "$1" = resilience ] || exit 0
case "$*" in *--last-failed*) exit "$SECOND" ;; esac
mkdir -p .pytest_cache/v/cache
for it in $FAILED; do echo "  \\"tests/a.py::$it[x y]\\": true,"; done > .pytest_cache/v/cache/lastfailed
exit 2
"""


def test_tests_that_fail_once_are_named_in_the_table(folder: Path) -> None:
    install(folder, "make", FAILS_ONCE)
    done = run(folder, FAILED="one two", SECOND="0")
    assert done.returncode == 0, done.stdout
    named = "tests/a.py::one[x y], tests/a.py::two[x y]"
    assert results(done.stdout)["resilience"] == f"passed at the SECOND TRY: {named}"
    assert results(done.stdout)["bench-check"] == "passed"


@pytest.mark.parametrize(("failed", "second"), [("one", "2"), ("one two three four", "0"), ("", "0")])
def test_ci_fails_if_tests_fail_twice_or_many_do_or_none_is_to_blame(folder: Path, failed: str, second: str) -> None:
    install(folder, "make", FAILS_ONCE)
    done = run(folder, FAILED=failed, SECOND=second)
    assert done.returncode != 0
    assert results(done.stdout)["resilience"] == "FAILED"


def test_failures_of_an_earlier_suite_do_not_excuse_another(folder: Path) -> None:
    cache = folder / ".pytest_cache" / "v" / "cache" / "lastfailed"
    cache.parent.mkdir(parents=True)
    cache.write_text('{\n  "tests/a.py::old": true\n}')
    done = run(folder, FAILING="lint")
    assert results(done.stdout)["lint"] == "FAILED"
    assert "once more" not in done.stdout


def test_ci_names_the_suites_that_it_skips(folder: Path) -> None:
    (folder / "bin" / "npm").unlink()
    done = run(folder, FAILING="chromium")
    assert done.returncode == 0
    assert results(done.stdout)["test-browser"] == "SKIPPED: there is no Chromium, and it cannot be installed here"
    assert results(done.stdout)["test-clients"] == "SKIPPED: there is no npm"
    assert results(done.stdout)["test-cdk"] == "SKIPPED: there is no npm, and so no Node.js"
    assert results(done.stdout)["containers"].startswith("SKIPPED: no container engine answers")


def test_ci_starts_the_engine_that_shop_engine_names(folder: Path) -> None:
    install(folder, "docker", f"[ -e {folder}/started ]")
    engine = install(folder, "engine", f": > {folder}/started")
    done = run(folder, SHOP_ENGINE=str(engine))
    assert results(done.stdout)["resilience-docker"] == "passed"
    assert (folder / "started").exists()


@pytest.mark.parametrize(("line", "message"), [("budget * 60", "OVER BUDGET"), ("LIMIT * 60", "more than 88 minutes")])
def test_ci_warns_over_a_suites_budget_and_fails_over_the_limit(folder: Path, line: str, message: str) -> None:
    script = folder / ".ci" / "run"
    script.write_text(script.read_text().replace(f"$(({line}))", "-1"))
    done = run(folder)
    assert message in done.stdout
    assert (done.returncode == 0) == ("budget" in line)
