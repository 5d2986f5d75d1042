"""Writes bootstrap/fargate/<service>.yaml from the manifests: how the containers of a service run on Fargate.

`make docs` renews them.
"""

from collections.abc import Iterator
from pathlib import Path

from bootstrap.manifests import Manifest, Process, manifests
from docs import openapi
from docs.places import filled
from services.storefront.visitors import PREFIX
from shop.settings import ROOT

FOLDER = ROOT / "bootstrap" / "fargate"
# Customers follow this address. All others are called by a process.
PUBLIC = {("basket", "ORDERING_URL")}
SIGNS_COOKIES = {"storefront"}


def files() -> Iterator[tuple[Path, str]]:
    """Each template with its text."""
    for manifest in manifests():
        yield FOLDER / f"{manifest.service}.yaml", template(manifest)


def template(manifest: Manifest) -> str:
    return filled(
        "fargate.yaml.j2",
        service=manifest.service,
        processes=manifest.process,
        public=any(service == manifest.service for service, _ in PUBLIC),
        relays=any(map(is_relay, manifest.process)),
        signs_cookies=manifest.service in SIGNS_COOKIES,
        called=called(),
        is_relay=is_relay,
        paths=paths,
        priority=priority,
        urls=urls,
    )


def paths(process: Process) -> list[str]:
    """The patterns by which the load balancer finds the process: the first part of every path that it documents."""
    documented = openapi.documents()[process.name]["paths"] if not process.pages else [PREFIX]
    firsts = sorted({f"/{path.split('/')[1]}" for path in documented})
    return [*(["/"] if process.pages else []), *(pattern for path in firsts for pattern in (path, f"{path}/*"))]


def priority(process: Process) -> int:
    """Of its route. No two web processes have the same port."""
    return (process.port or 0) % 100 * 10


def urls(process: Process) -> dict[str, str]:
    """The addresses of others by the settings that hold them."""
    return {
        setting: "!Ref Address" if (process.name, setting) in PUBLIC else f"http://{other}:8000"
        for setting, other in process.urls.items()
    }


def called() -> set[str]:
    """The processes that another one calls."""
    found = [(process, *url) for it in manifests() for process in it.process for url in process.urls.items()]
    return {other for process, setting, other in found if (process.name, setting) not in PUBLIC}


def is_relay(process: Process) -> bool:
    return process.name.endswith("-relay")
