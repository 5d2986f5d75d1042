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
    for name in ("bash", "dirname"):
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
