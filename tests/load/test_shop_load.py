"""`shop load` against a running shop, with an outage in the middle: nothing is lost, and the picture is complete."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from load.outage import PROCESS
from load.session import LOCUST
from shop.paths import paths_of
from shop.processes.supervisor_client import SupervisorClient
from shop.settings import ROOT, Settings
from tests.shops import free_ports, running

pytestmark = [pytest.mark.load, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables of a shop that runs."""
    if not LOCUST.exists():
        pytest.fail("Locust is not installed: `make test-load` does that.")
    its = free_ports() | {"SHOP_VAR": str(tmp_path_factory.mktemp("var")), "SHOP_NAME": "load", "SHOP_AUTH": "on"}
    its |= {"SHOP_ENDPOINT_URL": "", "LOG_LEVEL": ""}  # independent of a developer's `.env`
    known = os.environ | its
    with running(Settings.from_env(known), known, lambda _: None):
        yield its


def load(env: Mapping[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shop", "load", "--headless", *options]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | env, capture_output=True, text=True, check=False, timeout=270
    )


def test_a_load_with_an_outage_loses_nothing_and_makes_the_report(env: dict[str, str], tmp_path: Path) -> None:
    done = load(env, "--users", "8", "--seconds", "30", "--outage", "8", "--out", str(tmp_path))
    said = done.stdout + done.stderr
    assert "The books: " in said, said
    assert "202 → final status" in said
    report = json.loads((tmp_path / "load.json").read_text())
    books = report["books"]
    assert books["accepted"] > 10
    assert books["accepted"] == sum(books["final"].values())
    assert (books["under way"], books["lost"], books["duplicated"]) == (0, 0, 0)
    assert report["outage"]["to"] - report["outage"]["from"] >= 8
    assert max(it["age"] for it in report["queue"]) > 4
    assert max(it["messages"] for it in report["queue"]) > 1
    picture = (tmp_path / "load.svg").read_text()
    assert [name for name in ("per second", "latency", "order queue", "is stopped") if name not in picture] == []
    assert SupervisorClient(paths_of(Settings.from_env(env)).socket).processes()[PROCESS].state == "RUNNING"
