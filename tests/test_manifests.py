"""Compares the manifests with the code, the images, the containers and the documentation."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from bootstrap.manifests import Process, Task, manifests, processes
from tests.documents import DOCUMENTS
from tests.environment import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
TASKS = [(manifest.service, task) for manifest in manifests() for task in manifest.task]
PROCESSES = [(manifest.service, process) for manifest in manifests() for process in manifest.process]
NOT_OURS = {"localstack", "bootstrap", "door", "room"}


def name(case: Any) -> str:
    return case.name if isinstance(case, Task) else str(case)


def test_every_service_has_a_manifest() -> None:
    services = {path.parent.name for path in ROOT.glob("services/*/service.py")}
    assert {manifest.service for manifest in manifests()} == services


def test_every_entry_point_is_in_its_manifest() -> None:
    """A module that can be started but is in no manifest would not be deployed."""
    starts = re.compile(r'^if __name__ == "__main__":|^def from_env\(', re.MULTILINE)
    files = [path for path in ROOT.glob("services/*/*.py") if starts.search(path.read_text())]
    started = {entry.module for _, entry in [*PROCESSES, *TASKS]}
    assert started == {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files}


def test_names_and_ports_are_unique() -> None:
    found = processes()
    ports = [process.port for process in found if process.port]
    assert len({process.name for process in found}) == len(found)
    assert len(set(ports)) == len(ports)


def test_every_web_process_has_either_pages_or_an_api() -> None:
    """`pages` keeps a process out of the lists of documented APIs."""
    assert {process.name for process in processes() if process.serve and not process.pages} == {*DOCUMENTS}


def test_every_url_belongs_to_a_web_process() -> None:
    web = {process.name for process in processes() if process.serve}
    assert {other for process in processes() for other in process.urls.values()} <= web


@pytest.mark.parametrize(("service", "process"), PROCESSES, ids=name)
def test_container_runs_its_process_as_the_manifest_says(service: str, process: Process) -> None:
    container = COMPOSE[process.name]
    assert container["image"].endswith(f"-{service}")
    assert container.get("command") == (["python", "-m", process.run] if process.run else None)
    assert process.urls.keys() <= container["environment"].keys()
    published = [f"127.0.0.1:${{{process.port_variable}:-{process.port}}}:8000"] if process.port else None
    assert container.get("ports") == published
    assert ("healthcheck" in container) == bool(process.serve)


def test_every_container_has_a_manifest_entry() -> None:
    known = {entry.name for _, entry in [*PROCESSES, *TASKS]}
    assert {*COMPOSE} - NOT_OURS - known == set()


def test_page_about_aws_grants_what_the_manifests_allow() -> None:
    page = (ROOT / "docs" / "aws.md").read_text()
    rows = re.findall(r"^\| ([a-z-]+) \| (`[a-z]+:\w+`.*?) \| `(ARN\S*)` \|$", page, flags=re.MULTILINE)
    assert rows == [row for _, process in PROCESSES for row in granted(process)]


def granted(task: Task) -> list[tuple[str, str, str]]:
    """The rows of the table for one process."""
    return [
        (
            task.name,
            " ".join(f"`{arn.partition(':')[0]}:{action}`" for action in actions),
            "ARN-" + re.sub(r"^\w+:(table/|event-bus/|stateMachine:|execution:)?", "", arn),
        )
        for arn, actions in task.allow.items()
    ]


@pytest.mark.parametrize(("service", "task"), [*PROCESSES, *TASKS], ids=name)
def test_page_about_services_has_every_process_and_its_settings(service: str, task: Task) -> None:
    page = (ROOT / "docs" / "services.md").read_text()
    section = page.partition(f"\n## {service}\n")[2].partition("\n## ")[0]
    assert task.run in section
    if isinstance(task, Process):
        assert [setting for setting in task.urls if f"`{setting}`" not in section] == []
        assert task.port is None or str(task.port) in section


@pytest.mark.parametrize(
    "text",
    [
        'name = "x"',
        'name = "x"\nserve = "m:app"',
        'name = "x"\nrun = "m"\nport = 8001',
        'name = "x"\nrun = "m"\nserve = "m:app"\nport = 8001',
        'name = "x"\nrun = "m"\nprot = 1',
    ],
)
def test_process_without_a_start_command_is_rejected(text: str, tmp_path: Path) -> None:
    folder = tmp_path / "services" / "new"
    folder.mkdir(parents=True)
    (folder / "service.toml").write_text(f"[[process]]\n{text}\n")
    with pytest.raises(ValidationError):
        manifests(tmp_path)


def test_every_module_of_a_manifest_exists() -> None:
    modules = [entry.module for _, entry in [*PROCESSES, *TASKS]]
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []
