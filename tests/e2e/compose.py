"""The compose file as the tests drive it: a project of their own, on ports of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import urllib3

from local import ports
from local.settings import PORT_VARIABLES
from tests.machine import ROOT

PROJECT = "shopwire-test"
WEB = ["product", "basket", "ordering"]
WORKERS = ["product-relay", "basket-relay", "basket-consumer", "ordering-consumer"]
SERVICES = WEB + WORKERS


class Compose:
    """`docker compose` on that project, whatever `.env` says; each call fails loudly, with what the command said."""

    def __init__(self) -> None:
        chosen = ports.free_ports()
        self._port = {name: chosen[variable] for name, (variable, _) in PORT_VARIABLES.items()}
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | chosen
        self._env |= {f"{name.upper()}_URL": self.url(name) for name in WEB}

    def __call__(self, *arguments: str) -> str:
        return self.run("docker", "compose", "--env-file", "/dev/null", "--project-name", PROJECT, *arguments)

    def run(self, *command: str) -> str:
        done = subprocess.run(command, cwd=ROOT, env=self._env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self._port[service]}"

    def status(self, service: str, path: str = "/health/ready") -> int:
        """0 where nothing answers."""
        try:
            return urllib3.request("GET", self.url(service) + path, timeout=6, retries=False).status
        except urllib3.exceptions.HTTPError:
            return 0

    def statuses(self, path: str = "/health/ready") -> list[int]:
        return [self.status(service, path) for service in WEB]

    def buy(self, deadline: int = 60) -> str:
        """As a client does; what it was told. A message in a killed consumer's hand comes back after 30 s."""
        return self.run(sys.executable, "-m", "local", "demo", "--deadline", str(deadline))

    def inspect(self, service: str) -> Mapping[str, Any]:
        container = self("ps", "--all", "--quiet", service).strip()
        return dict(json.loads(self.run("docker", "inspect", container))[0])

    def crash(self, service: str) -> None:
        """Its process is killed as the kernel does it when memory runs out, behind the engine's back.

        `docker kill` would count as a wish of ours, and no restart policy goes against those.
        """
        kill = f"import os, signal; os.kill({self.inspect(service)['State']['Pid']}, signal.SIGKILL)"
        self.run("docker", "run", "--rm", "--pid=host", "--user=0", "shopwire-product", "python", "-c", kill)

    def of_each(self, tell: Callable[[Mapping[str, Any]], Any]) -> dict[str, Any]:
        return {service: tell(self.inspect(service)) for service in SERVICES}

    def remains(self) -> str:
        """Containers, networks and volumes that the project has left behind."""
        label = f"label=com.docker.compose.project={PROJECT}"
        commands = (["ps", "--all"], ["network", "ls"], ["volume", "ls"])
        return "".join(self.run("docker", *command, "--quiet", "--filter", label) for command in commands)
