"""The shop in containers, as `docker compose up` starts it: bought from, followed through its logs, taken down."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine import free_port

ROOT = Path(__file__).parent.parent.parent
PROJECT = "shopwire-test"
WORKERS = ["product", "basket", "ordering", "ordering-consumer", "basket-relay", "basket-consumer", "product-relay"]

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


def run(*command: str, env: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def compose(*arguments: str, env: dict[str, str]) -> str:
    return run("docker", "compose", "--project-name", PROJECT, *arguments, env=env)


@pytest.fixture(scope="module")
def shop() -> Iterator[dict[str, str]]:
    """The environment in which the stack runs, on ports of its own."""
    ports = {name: str(free_port()) for name in ("PRODUCT", "BASKET", "ORDERING", "EMULATOR")}
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env |= {f"SHOP_{name}_PORT": port for name, port in ports.items()}
    env |= {f"{name}_URL": f"http://127.0.0.1:{ports[name]}" for name in ("PRODUCT", "BASKET", "ORDERING")}
    try:
        compose("up", "--build", "--wait", "--detach", env=env)
        yield env
    finally:
        compose("down", "--volumes", "--remove-orphans", env=env)
    assert (
        run("docker", "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={PROJECT}", env=env)
        == ""
    )


def test_a_client_buys_and_one_correlation_id_leads_through_three_containers(shop: dict[str, str]) -> None:
    told = run(sys.executable, "-m", "local", "demo", env=shop)
    correlation_id = re.search(r"demo-[0-9a-f]{8}", told)
    assert correlation_id is not None
    logs = compose("logs", "--no-color", "--no-log-prefix", *WORKERS, env=shop)
    lines = [line[line.index("{") :] for line in logs.splitlines() if correlation_id[0] in line]
    assert {json.loads(line)["process"] for line in lines} >= {"product", "basket", "ordering", "ordering-consumer"}


def test_everything_stops_within_its_grace_period_and_with_exit_code_0(shop: dict[str, str]) -> None:
    compose("stop", *WORKERS, env=shop)
    for name in WORKERS:
        container = compose("ps", "--all", "--quiet", name, env=shop).strip()
        assert run("docker", "inspect", "--format", "{{.State.ExitCode}}", container, env=shop).strip() == "0", name
    compose("up", "--wait", "--detach", env=shop)
    # The emulator may hand the next message to the poll that the stopped consumer abandoned: it comes back after 30 s.
    run(sys.executable, "-m", "local", "demo", "--deadline", "60", env=shop)
