"""The machine that runs the tests: paths, free ports, waiting for a URL, and whether Docker works."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
import urllib3

ROOT = Path(__file__).parent.parent
CDK = ROOT / ".venv-cdk" / "bin" / "python"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# `make` as a user calls it. If `make test` runs the tests, a nested make would print more.
MAKE = ("/usr/bin/env", "-u", "MAKELEVEL", "-u", "MAKEFLAGS", "-u", "MFLAGS", "make")


# Below the ports that the system gives to clients and to servers without a choice. Chromium refuses 10080.
LOWEST, HIGHEST = 12_000, 32_000
_numbers = count(os.getpid() * 97)  # so that two workers are at different places


def free_port() -> int:
    """One that nothing uses, and that no other test gets until it may be used."""
    while True:
        port = LOWEST + next(_numbers) % (HIGHEST - LOWEST)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def wait_for(url: str, seconds: float = 90) -> None:
    """Returns when `url` answers with 200. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(urllib3.exceptions.HTTPError):
            if urllib3.request("GET", url, timeout=1, retries=False).status == 200:
                return
        time.sleep(0.05)
    pytest.fail(f"{url} does not answer")


def engine_answers() -> bool:
    docker = shutil.which("docker")
    return docker is not None and not subprocess.run([docker, "info"], capture_output=True, check=False).returncode
