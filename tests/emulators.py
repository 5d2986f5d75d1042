"""Emulators for the tests: MiniStack as a process, LocalStack as a container, or any other that runs already."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import boto3
import pytest

from chassis.aws.emulator import is_emulator
from shop.emulator import ministack as embedded
from tests.environment import ROOT, free_port, wait_for

IMAGE = os.environ.get("LOCALSTACK_IMAGE", "localstack/localstack:4.14.0")
GATEWAY_TO_HOST = "host.docker.internal"  # this machine, as LocalStack's API Gateway calls it
# For fixtures that run a test on each emulator: true for LocalStack.
CLOUDS = (pytest.param(False, id="MiniStack"), pytest.param(True, id="LocalStack", marks=pytest.mark.docker))


def emulator(choice: str, logs: Path) -> AbstractContextManager[str]:
    """Starts an emulator, or returns the URL of a running one."""
    return ministack(logs) if choice == "ministack" else nullcontext(_checked(choice))


@contextmanager
def ministack(logs: Path, *more: str) -> Iterator[str]:
    """With `more` services than a shop gets."""
    port = free_port()
    env = {"PATH": os.environ["PATH"]} | embedded.environment(port)
    env["SERVICES"] = ",".join((env["SERVICES"], *more))
    log = logs / "ministack.log"
    command = embedded.command(port)
    with log.open("w") as out, subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=out) as process:
        try:
            wait_for(f"http://127.0.0.1:{port}/_localstack/health")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@contextmanager
def localstack() -> Iterator[str]:
    """Publishes it on the loopback address only. Removes it without the helper image of testcontainers."""
    # Here, because every run of pytest imports this module, and most need no container.
    from testcontainers.community.localstack import LocalStackContainer  # noqa: PLC0415
    from testcontainers.core.config import ConnectionMode, testcontainers_config  # noqa: PLC0415

    testcontainers_config.ryuk_disabled = True
    testcontainers_config.connection_mode_override = ConnectionMode.docker_host
    testcontainers_config.tc_host_override = "127.0.0.1"
    container = LocalStackContainer(IMAGE, region_name="us-east-1").with_env("LS_LOG", "warn")
    container.with_env("NO_PROXY", "*").with_env("no_proxy", "*")  # Docker passes on the proxies of its client
    container.with_env("SERVICES", ",".join((*embedded.SERVICES, "apigateway"))).with_env("STRICT_SERVICE_LOADING", "1")
    container.with_kwargs(extra_hosts={GATEWAY_TO_HOST: "host-gateway"})
    container.ports = {"4566/tcp": ("127.0.0.1", None)}  # type: ignore[dict-item] # docker-py accepts an address too
    container.start(timeout=180)
    try:
        _warm_up(container.get_url())
        yield container.get_url()
    finally:
        container.stop()


@contextmanager
def shop_on_localstack(env: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """`env` with the endpoint of a new LocalStack, in which the shop is deployed as by a user."""
    with localstack() as url:
        there = dict(env) | {"AWS_ENDPOINT_URL": url}
        needed = {"PATH": os.environ["PATH"]} | there
        subprocess.run([sys.executable, "-m", "bootstrap", "up"], cwd=ROOT, env=needed, check=True, capture_output=True)
        yield there


def new_account() -> str:
    """A random account. Both emulators use an access key of twelve digits as the account."""
    return str(10**11 + secrets.randbelow(9 * 10**11))


def _warm_up(url: str) -> None:
    """The first call of each service is slow, and longer than the time-outs of the code."""
    session = boto3.Session("test", "test", region_name="us-east-1")
    _write_a_row(session.client("dynamodb", endpoint_url=url))
    session.client("sqs", endpoint_url=url).list_queues()
    session.client("sns", endpoint_url=url).list_topics()
    session.client("events", endpoint_url=url).list_rules()
    session.client("stepfunctions", endpoint_url=url).list_state_machines()
    session.client("iam", endpoint_url=url).list_roles()


def _write_a_row(dynamodb: Any) -> None:
    dynamodb.create_table(
        TableName="warm-up",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    dynamodb.put_item(TableName="warm-up", Item={"id": {"S": "1"}}, ConditionExpression="attribute_not_exists(id)")
    dynamodb.delete_table(TableName="warm-up")


def _checked(url: str) -> str:
    """Tests create and delete resources freely, so they may run only on an emulator."""
    session = boto3.Session("test", "test", region_name="us-east-1")
    if not is_emulator(session.client("dynamodb", endpoint_url=url)):
        pytest.exit(f"{url} is not an emulator that answers: no test runs there.", returncode=2)
    return url
