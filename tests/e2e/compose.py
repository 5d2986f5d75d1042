"""Runs the compose file as a separate project with its own ports. All proxies are unreachable."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import urllib3

from bootstrap.manifests import processes
from shop.settings import port_variables
from tests.clones import clone
from tests.environment import ROOT, free_port
from tests.shops import free_ports

# The tests of another clone use another project.
PROJECT = f"shopwire-test-{hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]}"
WEB = [process.name for process in processes() if process.serve]
WORKERS = [process.name for process in processes() if process.run]
SERVICES = WEB + WORKERS


class Compose:
    """Runs `docker compose` on that project, independent of `.env`. A failed call shows the output."""

    def __init__(self, folder: Path) -> None:
        chosen = free_ports()
        self._port = {name: chosen[variable] for name, (variable, _) in port_variables().items()}
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | chosen
        self.env |= {f"{name.upper()}_URL": self.url(name) for name in WEB}
        self.clone = clone(folder)
        self._proxied = {"DOCKER_CONFIG": str(_with_dead_proxies(folder / "docker"))}

    def build(self) -> None:
        """Builds with the proxies of this machine, because packages may need them."""
        self.run(*self.command("build"))

    def __call__(self, *arguments: str, **env: str) -> str:
        return self.run(*self.command(*arguments), **self._proxied, **env)

    def refusal(self, *arguments: str, **env: str) -> str:
        """The output of a command that must fail."""
        done = self._done(self.command(*arguments), self._proxied | env)
        assert done.returncode != 0, done.stdout
        return done.stdout + done.stderr

    def command(self, *arguments: str) -> tuple[str, ...]:
        return ("docker", "compose", "--env-file", "/dev/null", "--project-name", PROJECT, *arguments)

    def run(self, *command: str, **env: str) -> str:
        done = self._done(command, env)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _done(self, command: tuple[str, ...], env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command, cwd=self.clone, env=self.env | env, capture_output=True, text=True, check=False)

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self._port[service]}"

    def status(self, service: str, path: str = "/health/ready") -> int:
        """The status; 0 if nothing answers."""
        try:
            return urllib3.request("GET", self.url(service) + path, timeout=6, retries=False).status
        except urllib3.exceptions.HTTPError:
            return 0

    def all_answer(self, status: int, path: str = "/health/ready") -> bool:
        return {self.status(service, path) for service in WEB} == {status}

    def buy(self, deadline: int = 60) -> str:
        """Buys as a client does and returns the order. A message of a killed consumer becomes visible after 30 s."""
        return self.run(sys.executable, "-m", "shop", "demo", "--deadline", str(deadline))

    def inspect(self, service: str) -> Mapping[str, Any]:
        container = self("ps", "--all", "--quiet", service).strip()
        return dict(json.loads(self.run("docker", "inspect", container))[0])

    def crash(self, service: str) -> None:
        """Kills the process as the kernel does when memory runs out, without the engine.

        `docker kill` would count as a requested stop, after which no restart policy applies.
        """
        kill = f"import os, signal; os.kill({self.inspect(service)['State']['Pid']}, signal.SIGKILL)"
        image = self.inspect("product")["Image"]
        self.run("docker", "run", "--rm", "--pid=host", "--user=0", image, "python", "-c", kill)

    def of_each(self, tell: Callable[[Mapping[str, Any]], Any]) -> dict[str, Any]:
        return {service: tell(self.inspect(service)) for service in SERVICES}

    def remains(self) -> str:
        """Containers, networks and volumes of the project that still exist."""
        label = f"label=com.docker.compose.project={PROJECT}"
        commands = (["ps", "--all"], ["network", "ls"], ["volume", "ls"])
        return "".join(self.run("docker", *command, "--quiet", "--filter", label) for command in commands)


def _with_dead_proxies(folder: Path) -> Path:
    """Copies the Docker client's configuration with contexts and credentials, but with unreachable proxies."""
    folder.mkdir()
    own = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    for entry in own.iterdir() if own.is_dir() else ():
        (folder / entry.name).symlink_to(entry)
    settings = json.loads((own / "config.json").read_text()) if (own / "config.json").exists() else {}
    dead = f"http://127.0.0.1:{free_port()}"
    (folder / "config.json").unlink(missing_ok=True)
    (folder / "config.json").write_text(
        json.dumps(settings | {"proxies": {"default": {"httpProxy": dead, "httpsProxy": dead}}})
    )
    return folder
