"""Fixtures for all tests: one emulator for the run, and an account of its own for each test."""

import logging
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import boto3
import pytest
import structlog
from hypothesis import settings

from chassis.core import deadline
from tests.emulators import emulator, localstack, new_account
from tests.environment import engine_answers
from tests.stacks import deploy

# A slow machine is no failure. CI uses fixed examples, so that it gives the same result twice. Developers get new ones.
settings.register_profile("shop", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("shop")


GENERATORS = Path(__file__).parent.parent / ".clients" / "node_modules"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--emulator",
        default="ministack",
        help="what plays AWS: ministack (a process), localstack (a container), or the URL of one that runs",
    )


def pytest_configure() -> None:
    """Requests to a local emulator bypass the proxies of the shell. Processes that the tests start inherit this."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(filter(None, [given, "127.0.0.1", "localhost"]))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Workers share one LocalStack, because it takes a gigabyte. They get its URL by the option."""
    config = session.config
    if config.getoption("--emulator") != "localstack" or config.getoption("--collect-only"):
        return
    if not engine_answers():
        pytest.exit(
            "no Docker engine answers, and LocalStack needs one: start it, or leave --emulator out", returncode=2
        )
    running = ExitStack()
    config.option.emulator = running.enter_context(localstack())
    config.option.emulator_is_ours = True
    config.add_cleanup(running.close)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips the tests that cannot run here, and says why."""
    if config.getoption("--emulator") != "ministack":
        _skip(items, "ministack", "shows what MiniStack does; docs/emulators.md has the others")
    if not GENERATORS.exists():
        _skip(items, "clients", "the generators of clients are not installed: `make test-clients` does that")
    if any(item.get_closest_marker("docker") for item in items) and not engine_answers():
        _skip(items, "docker", "no Docker engine answers")


def _skip(items: list[pytest.Item], marker: str, reason: str) -> None:
    for item in items:
        if item.get_closest_marker(marker):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def own_context() -> Iterator[None]:
    """Resets deadline, correlation ID and logging, which would otherwise outlive their test."""
    deadline.start(math.inf)
    structlog.contextvars.clear_contextvars()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def emulator_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of this worker's MiniStack, or of the one emulator that all workers share."""
    with emulator(request.config.getoption("--emulator"), tmp_path_factory.mktemp("emulator")) as url:
        yield url


@pytest.fixture
def aws_env(emulator_url: str, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """The environment of a new account. It is also set in `os.environ`, where boto3 reads it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    env = {
        "AWS_ENDPOINT_URL": emulator_url,
        "AWS_ACCESS_KEY_ID": new_account(),
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SHOP_NAME": "shop",
        "SHOP_TRANSPORT": os.environ.get("SHOP_TRANSPORT", ""),
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    boto3.setup_default_session()  # otherwise it keeps the credentials of the previous test
    return env


@pytest.fixture
def stack(aws_env: Mapping[str, str]) -> Mapping[str, str]:
    """`aws_env` with the resources of the shop."""
    deploy(aws_env)
    return aws_env


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes the region from all places where boto3 looks for it."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
