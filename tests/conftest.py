"""What tests share: an emulator for the run, and for each test an account of its own in it."""

import itertools
import logging
import math
import os
from collections.abc import Iterator, Mapping

import boto3
import pytest
import structlog
from hypothesis import settings

from chassis import deadline
from tests.emulators import emulator
from tests.stacks import deploy

_accounts = itertools.count(1)
# A busy machine is no failure; and a gate gives the same answer twice: new examples are sought on people's machines.
settings.register_profile("shop", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("shop")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--emulator",
        default="ministack",
        help="what plays AWS: ministack (a process), localstack (a container), or the URL of one that runs",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--emulator") == "ministack":
        return
    for item in items:
        if item.get_closest_marker("ministack"):
            item.add_marker(pytest.mark.skip(reason="shows what MiniStack does; docs/emulators.md has the others"))


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
def emulator_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An emulator of this worker's own, unless `--emulator` names one that runs."""
    with emulator(request.config.getoption("--emulator"), tmp_path_factory.mktemp("emulator")) as url:
        yield url


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
    deploy(aws_env)
    return aws_env
