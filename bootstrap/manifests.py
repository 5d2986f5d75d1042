"""The services' manifests, `services/*/service.toml`: which processes there are, and what each may do on AWS."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

ROOT = Path(__file__).resolve().parent.parent


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Task(Strict):
    """A module that runs to its end. `allow` has the actions by the end of an ARN, without the shop's name."""

    name: str
    run: str = ""
    allow: Mapping[str, list[str]] = {}

    @property
    def module(self) -> str:
        return self.run


class Process(Task):
    """A process that stays: a web app (`serve`, with its usual `port`) or a worker (`run`).

    `urls` names the settings that hold the address of another process. With `pages`, it serves web pages and no API.
    """

    serve: str = ""
    pages: bool = False
    port: int | None = Field(None, ge=1, le=65535)
    urls: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if bool(self.serve) == bool(self.run) or bool(self.serve) != (self.port is not None):
            raise ValueError("a process has either `serve` and a `port`, or `run`")
        return self

    @property
    def module(self) -> str:
        return self.run or self.serve.partition(":")[0]

    @property
    def port_variable(self) -> str:
        """The setting that gives a web process another port on this machine."""
        return f"SHOP_{self.name.upper().replace('-', '_')}_PORT"


class Manifest(Strict):
    service: str
    process: list[Process]
    task: list[Task] = []


def manifests(root: Path = ROOT) -> list[Manifest]:
    """Those of all services, by the order of their web processes' ports."""
    paths = root.glob("services/*/service.toml")
    found = [Manifest(service=path.parent.name, **tomllib.loads(path.read_text("utf-8"))) for path in paths]
    return sorted(found, key=lambda each: (min(p.port or 65536 for p in each.process), each.service))


def processes(root: Path = ROOT) -> list[Process]:
    return [process for manifest in manifests(root) for process in manifest.process]
