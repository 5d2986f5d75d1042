"""What tests share: an emulator for the run, and for each test an account of its own in it."""

import itertools
import logging
import math
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3
import pytest
import structlog
import urllib3
from hypothesis import settings

from chassis import deadline

ROOT = Path(__file__).parent.parent
MINISTACK = ROOT / ".venv-emulator" / "bin" / "ministack"
_accounts = itertools.count(1)
# A busy machine is no failure; and a gate gives the same answer twice: new examples are sought on people's machines.
settings.register_profile("shop", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("shop")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, seconds: float = 30) -> None:
    """Returns once `url` answers 200; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if urllib3.request("GET", url, timeout=1, retries=False).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            time.sleep(0.05)
    pytest.fail(f"{url} does not answer")


@pytest.fixture(autouse=True)
def own_context() -> Iterator[None]:
    """A request's deadline and correlation id, and a process's logging, would outlive the test that made them."""
    deadline.start(math.inf)
    structlog.contextvars.clear_contextvars()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def emulator_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A MiniStack of this worker's own."""
    port = free_port()
    env = {"PATH": os.environ["PATH"], "GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"}
    log = tmp_path_factory.mktemp("ministack") / "log"
    with log.open("w") as out, subprocess.Popen([MINISTACK], env=env, stdout=out, stderr=out) as process:
        wait_for(f"http://127.0.0.1:{port}/_localstack/health")
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
def aws_env(emulator_url: str, monkeypatch: pytest.MonkeyPatch, worker_id: str) -> Mapping[str, str]:
    """The environment of an account nobody else uses; boto3 sees it too, for it reads `os.environ` itself."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    worker = int(worker_id.removeprefix("gw") or 0) if worker_id != "master" else 0
    env = {
        "AWS_ENDPOINT_URL": emulator_url,
        "AWS_ACCESS_KEY_ID": str(10**11 + worker * 10**6 + next(_accounts)),
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SHOP_STACK": "shop",
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    boto3.setup_default_session()  # the one before keeps its account's credentials
    return env


@pytest.fixture
def stack(aws_env: Mapping[str, str]) -> Mapping[str, str]:
    """`aws_env` with the shop's resources in it."""
    cloudformation = boto3.Session().client("cloudformation")  # boto3.client would keep the first test's account
    template = (ROOT / "bootstrap" / "shop.yaml").read_text()
    cloudformation.create_stack(StackName=aws_env["SHOP_STACK"], TemplateBody=template)
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=aws_env["SHOP_STACK"], WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    return aws_env
