"""What `make run` is told: read once from the environment, checked, then passed on as a value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from bootstrap.errors import Failed
from bootstrap.manifests import processes
from chassis.core.errors import Misconfigured
from chassis.core.names import shop_name
from shop.processes.patience import SECONDS

ROOT = Path(__file__).resolve().parent.parent
ENV_FILE = ROOT / ".env"
STACK = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")


@dataclass(frozen=True)
class Settings:
    """`given_endpoint` is an emulator started elsewhere; without it the launcher starts its own.

    `patience` is how many seconds a process may take without progress while it starts.
    """

    stack: str = "shopwire"
    ports: Mapping[str, int] = field(
        default_factory=lambda: {name: default for name, (_, default) in port_variables().items()}
    )
    given_endpoint: str = ""
    var: Path = ROOT / "var"
    dev: bool = False
    patience: float = SECONDS

    @classmethod
    def from_env(cls, env: Mapping[str, str], *, dev: bool = False) -> "Settings":
        endpoint = env.get("SHOP_ENDPOINT_URL", "").rstrip("/")
        return cls(
            stack=_stack(env),
            ports=_ports(env, own_emulator=not endpoint),
            given_endpoint=_endpoint(endpoint),
            var=Path(env.get("SHOP_VAR") or ROOT / "var").absolute(),
            dev=dev,
            patience=_patience(env.get("SHOP_PATIENCE") or f"{SECONDS:.0f}"),
        )

    @property
    def endpoint(self) -> str:
        return self.given_endpoint or self.url("emulator")

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"


def port_variables() -> dict[str, tuple[str, int]]:
    """The setting and the usual port of the emulator and of each web process."""
    of_web = {it.name: (it.port_variable, it.port) for it in processes() if it.port}
    return {"emulator": ("SHOP_EMULATOR_PORT", 4566)} | of_web


def web_names() -> list[str]:
    return [it.name for it in processes() if it.port]


def with_file(env: Mapping[str, str], file: Path = ENV_FILE) -> dict[str, str]:
    """The shell's variables, and for those it has not the file's: as Docker Compose reads it."""
    try:
        given = dotenv_values(file)
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{file} cannot be read: {error}") from error
    return {name: value or "" for name, value in given.items()} | dict(env)


def _stack(env: Mapping[str, str]) -> str:
    try:
        name = shop_name(env)
    except Misconfigured as error:
        raise Failed(str(error)) from error
    if not STACK.fullmatch(name):
        raise Failed(f"SHOP_NAME={name} cannot name a shop: use up to 40 letters, digits and hyphens, a letter first.")
    return name


def _patience(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,4}", text) or not int(text):
        raise Failed(
            f"SHOP_PATIENCE={text} is not a number of seconds from 1 to 9999, which a start may take without progress."
        )
    return float(text)


def _endpoint(url: str) -> str:
    if url and not url.startswith(("http://", "https://")):
        raise Failed(f"SHOP_ENDPOINT_URL={url} is not a URL: write it as http://host:port.")
    return url


def _ports(env: Mapping[str, str], *, own_emulator: bool) -> dict[str, int]:
    ports: dict[str, int] = {}
    variables = port_variables()
    for name, (variable, default) in variables.items():
        if name == "emulator" and not own_emulator:
            continue
        ports[name] = _port(variable, env.get(variable) or str(default))
    for name, port in ports.items():
        twin = next(other for other in ports if ports[other] == port)
        if twin != name:
            raise Failed(f"{variables[name][0]} and {variables[twin][0]} are both {port}: give each its own port.")
    return ports


def _port(variable: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise Failed(f"{variable}={text} is not a port: give a number from 1 to 65535.")
    return int(text)
