"""A LocalStack in a container of its own, with the shop's resources in it."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from tests.conftest import ROOT, free_port, wait_for

IMAGE = os.environ.get("LOCALSTACK_IMAGE", "localstack/localstack:4.14.0")
# For fixtures that run a test on each: whether it is LocalStack.
CLOUDS = (pytest.param(False, id="MiniStack"), pytest.param(True, id="LocalStack", marks=pytest.mark.docker))


@contextmanager
def localstack(env: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """`env`, led to it; deployed as a user does it."""
    port = free_port()
    container = _docker("run", "--rm", "--detach", "--publish", f"127.0.0.1:{port}:4566", IMAGE)
    try:
        there = dict(env) | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        wait_for(f"http://127.0.0.1:{port}/_localstack/health", 60)
        command = [sys.executable, "-m", "bootstrap", "up"]
        needed = {"PATH": os.environ["PATH"]} | there
        subprocess.run(command, cwd=ROOT, env=needed, check=True, capture_output=True)
        yield there
    finally:
        _docker("rm", "--force", container)


def _docker(*arguments: str) -> str:
    command = ["/usr/bin/env", "docker", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
