"""`shop lambda`: the shop as Lambda functions on an emulator of its own, until Ctrl-C."""

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory

from bootstrap.__main__ import main
from bootstrap.aws import await_endpoint, connect
from bootstrap.clock import Clock
from bootstrap.errors import Failed
from bootstrap.lambdas.stacks import output
from bootstrap.manifests import processes
from bootstrap.names import Names
from shop import environment
from shop.emulator import ministack
from shop.package import zips
from shop.settings import ROOT, Settings

SERVICES = ("lambda", "s3", "logs", "secretsmanager")  # beside those of `make run`, whose emulator runs no code
PATIENCE = 60.0  # seconds for the emulator's start
SEARCHED = "PATH"
LONG = 10**8  # seconds: until Ctrl-C
Say = Callable[[str], None]


@contextmanager
def running(settings: Settings, env: Mapping[str, str], say: Say) -> Iterator[dict[str, str]]:
    """Yields the environment that leads there. Its data, and what the functions unpack, is gone afterwards."""
    zips.package(settings.var / "functions", zips.HERE, env, with_boto3=True)
    with TemporaryDirectory() as unpacked, _emulator(unpacked, env.get(SEARCHED, "")) as url:
        await_endpoint(url, PATIENCE, say, Clock())
        its = environment.aws(url) | {
            "SHOP_NAME": settings.name,
            "SHOP_VAR": str(settings.var),
            "SHOP_AUTH": "off",
        }
        if main(["up", "--run", "lambda"], its):
            raise Failed("The functions could not be deployed. The lines above say why.")
        yield its


def run(settings: Settings, env: Mapping[str, str], say: Say) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # it must not leave the emulator behind
    with running(settings, env, say) as its, suppress(KeyboardInterrupt):
        say("\nThe functions run until Ctrl-C. For commands in another terminal:")
        say(
            "  export "
            + " ".join(f"{name}={value}" for name, value in its.items() if name.startswith("AWS_") and value)
        )
        aws, names = connect(its, say), Names(settings.name)
        for process in processes():
            if process.serve:
                own = output(aws, names, f"{process.name}-functions", "Url").removeprefix("https://").partition(".")[0]
                say(f"  {process.name:<11} {its['AWS_ENDPOINT_URL']}/_aws/lambda-url/{own}")
        time.sleep(LONG)


@contextmanager
def _emulator(unpacked: str, path: str) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {"PATH": path, "TMPDIR": unpacked} | ministack.environment(port, more=SERVICES)
    with subprocess.Popen(ministack.command(port), cwd=ROOT, env=env) as process:  # noqa: S603 our own command
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
