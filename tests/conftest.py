"""Fixtures for all tests: one emulator for the run, and an account of its own for each test."""

import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
import structlog
from botocore.loaders import JSONFileLoader
from hypothesis import settings

from chassis import tracing
from chassis.core import deadline, metrics
from chassis.tracing.spans import Finished, record_with
from tests import emf
from tests.emulators import emulator, localstack, new_account
from tests.environment import CDK, CHROMIUM, engine_answers
from tests.stacks import deploy, silence

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
    """Starts a LocalStack for each worker. It is one Python process, so that one for all would keep them waiting."""
    config = session.config
    if config.getoption("--emulator") != "localstack" or config.getoption("--collect-only"):
        return
    if not engine_answers():
        pytest.exit(
            "no Docker engine answers, and LocalStack needs one: start it, or leave --emulator out", returncode=2
        )
    if config.getoption("numprocesses"):  # the workers run the tests
        return
    running = ExitStack()
    config.option.emulator = running.enter_context(localstack())
    config.option.emulator_is_ours = True
    config.add_cleanup(running.close)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skips the tests that cannot run here, and says why."""
    if config.getoption("--emulator") != "ministack":
        _skip(items, "ministack", "runs on MiniStack only; docs/emulators.md says what differs elsewhere")
    if not GENERATORS.exists():
        _skip(items, "clients", "the generators of clients are not installed: `make test-clients` does that")
    if not CDK.exists():
        _skip(items, "cdk", "CDK is not installed: `make test-cdk` does that, where there is Node.js")
    if not CHROMIUM:
        _skip(items, "browser", "there is no Chromium: `make test-browser` installs it on Debian, as root")
    if any(item.get_closest_marker("docker") for item in items) and not engine_answers():
        _skip(items, "docker", "no Docker engine answers")


def _skip(items: list[pytest.Item], marker: str, reason: str) -> None:
    for item in items:
        if item.get_closest_marker(marker):
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def own_context() -> Iterator[None]:
    """Resets deadline, correlation ID, trace, metrics and logging, which would otherwise outlive their test."""
    deadline.start(math.inf)
    structlog.contextvars.clear_contextvars()
    tracing.leave()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    metrics.use(None)
    root.handlers[:], root.level = handlers, level
    tracing.configure("", {})
    structlog.reset_defaults()


@pytest.fixture
def recorded() -> Iterator[list[Finished]]:
    """The spans of this test, in the sequence of their ends."""
    spans: list[Finished] = []
    record_with(spans.append)
    yield spans
    record_with(None)


@pytest.fixture
def measurements() -> Callable[[], dict[str, Any]]:
    """What has been measured since the last call, by the names of the metrics."""
    lines: list[str] = []
    recorder = metrics.Recorder("shop", "test", math.inf, lines.append, time.monotonic)
    metrics.use(recorder)

    def values() -> dict[str, Any]:
        lines.clear()
        recorder.report()
        return {point.name: point.value for line in lines for point in emf.read(line)}

    return values


@pytest.fixture(scope="session", autouse=True)
def models_of_aws() -> Iterator[None]:
    """botocore parses its models again for each session. For an account per test that was 40 % of a test's time."""
    parsed = cache(JSONFileLoader().load_file)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JSONFileLoader, "load_file", lambda _, path: parsed(path))
        yield


@pytest.fixture(scope="session")
def emulator_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of this worker's emulator, or of the given one."""
    with emulator(request.config.getoption("--emulator"), tmp_path_factory.mktemp("emulator")) as url:
        yield url


@pytest.fixture
def aws_env(emulator_url: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Mapping[str, str]:
    """The environment of a new account. It is also set in `os.environ`, where boto3 reads it.

    LocalStack sometimes needs longer than a second for a call, which would be an outage to the services.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    env = {
        "AWS_ENDPOINT_URL": emulator_url,
        "AWS_ACCESS_KEY_ID": new_account(),
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SHOP_NAME": "shop",
        "SHOP_AUTH": "off",
        "SHOP_TRANSPORT": os.environ.get("SHOP_TRANSPORT", ""),
        "SHOP_AWS_TIMEOUT": "" if request.config.getoption("--emulator") == "ministack" else "10",
    }
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    boto3.setup_default_session()  # otherwise it keeps the credentials of the previous test
    return env


@pytest.fixture
def stack(aws_env: Mapping[str, str], request: pytest.FixtureRequest) -> Iterator[Mapping[str, str]]:
    """`aws_env` with the resources of the shop."""
    deploy(aws_env)
    yield aws_env
    if request.config.getoption("--emulator") != "ministack":
        silence(aws_env)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Removes the region from all places where boto3 looks for it."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
