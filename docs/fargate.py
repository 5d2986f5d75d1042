"""Writes bootstrap/fargate/<service>.yaml from the manifests: how the containers of a service run on Fargate.

`make docs` renews them.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent

from bootstrap.manifests import Manifest, Process, manifests
from docs import fargate_parts as parts
from docs import openapi
from services.storefront.visitors import PREFIX
from shop.settings import ROOT

FOLDER = ROOT / "bootstrap" / "fargate"
# Customers follow this address. All others are called by a process.
PUBLIC = {("basket", "ORDERING_URL")}
SIGNS_COOKIES = {"storefront"}
SEGMENTS = range(2, 5)  # of an outbox, beside the first


def files() -> Iterator[tuple[Path, str]]:
    """Each template with its text."""
    for manifest in manifests():
        yield FOLDER / f"{manifest.service}.yaml", template(manifest)


def template(manifest: Manifest) -> str:
    relays = any(map(is_relay, manifest.process))
    head = _filled(
        parts.HEAD,
        public=parts.PUBLIC if any(service == manifest.service for service, _ in PUBLIC) else "",
        relays=parts.RELAYS if relays else "",
        segments=parts.SEGMENTS if relays else "",
        session_key=parts.MAKE_SESSION_KEY if manifest.service in SIGNS_COOKIES else "",
    )
    processes = "".join(_process(manifest.service, process) for process in manifest.process)
    return _filled(head, service=manifest.service) + processes


def _process(service: str, process: Process) -> str:
    needed = [
        *_role(process),
        parts.TASK,
        parts.TASK_ROLE if process.allow else "",
        "      ContainerDefinitions:\n",
        *_containers(service, process),
        parts.BALANCED if process.serve else "",
        *_ecs_service(process),
        *_scaling(process),
    ]
    return _filled(
        "".join(needed),
        name=process.name,
        Name="".join(part.capitalize() for part in process.name.split("-")),
        module=process.module,
        priority=str((process.port or 0) % 100 * 10),
        paths=", ".join(paths(process)) if process.serve else "",
        least="!Ref WebTasks" if process.serve else "1",
        queue=next((arn.partition(":")[2] for arn, its in process.allow.items() if "ReceiveMessage" in its), ""),
    )


def _role(process: Process) -> Iterator[str]:
    if process.allow:
        yield parts.ROLE
    for resource, actions in process.allow.items():
        service = resource.partition(":")[0]
        named = ", ".join(f'"{service}:{action}"' for action in actions)
        yield _filled(parts.ALLOW, actions=named, arn=arn(resource))


def arn(resource: str) -> str:
    """What follows the partition in the ARN of a manifest's `dynamodb:table/product`."""
    own = r"\1:${AWS::Region}:${AWS::AccountId}:\2${Shop}-\3"
    return re.sub(r"^(\w+):(table/|event-bus/|stateMachine:|execution:|)(.+)$", own, resource)


def _containers(service: str, process: Process) -> Iterator[str]:
    """One, or for a relay one for each segment of the outbox."""
    web = _filled(parts.WEB, urls="".join(_urls(process)))
    kind = web if process.serve else _segment(process, 1) + parts.WORKER
    session_key = parts.SESSION_KEY if process.serve and service in SIGNS_COOKIES else ""
    yield _item(_filled(parts.CONTAINER, container=process.name) + kind + session_key, 8)
    for number in SEGMENTS if is_relay(process) else ():
        container = _filled(parts.CONTAINER, container=f"{process.name}-{number}")
        yield f"        - !If\n          - With{number}Relays\n"
        yield _item(container + _segment(process, number) + parts.WORKER, 10)
        yield "          - !Ref AWS::NoValue\n"


def _segment(process: Process, number: int) -> str:
    return f'  - {{Name: SHOP_RELAY_SEGMENT, Value: !Sub "{number}/${{Relays}}"}}\n' if is_relay(process) else ""


def _item(text: str, spaces: int) -> str:
    """As an item of a list."""
    first, rest = text.split("\n", 1)
    return f"{' ' * spaces}- {first}\n{indent(rest, ' ' * (spaces + 2))}"


def paths(process: Process) -> list[str]:
    """The patterns by which the load balancer finds the process: the first part of every path that it documents."""
    documented = openapi.documents()[process.name]["paths"] if not process.pages else [PREFIX]
    firsts = sorted({f"/{path.split('/')[1]}" for path in documented})
    return [*(["/"] if process.pages else []), *(pattern for path in firsts for pattern in (path, f"{path}/*"))]


def _urls(process: Process) -> Iterator[str]:
    for setting, other in process.urls.items():
        value = "!Ref Address" if (process.name, setting) in PUBLIC else f"http://{other}:8000"
        yield f"  - {{Name: {setting}, Value: {value}}}\n"


def _ecs_service(process: Process) -> Iterator[str]:
    kind, properties = parts.SERVICE.split("    Properties:\n")
    yield f"{kind}{parts.AFTER_ROUTE if process.serve else ''}    Properties:\n{properties}"
    yield parts.ONE if is_relay(process) else parts.MANY
    if process.serve:
        yield parts.SERVED
    if process.name in called():
        yield parts.CALLED


def _scaling(process: Process) -> Iterator[str]:
    if not is_relay(process):
        yield parts.SCALING
        yield parts.BUSY if process.serve else parts.BACKLOG


def called() -> set[str]:
    """The processes that another one calls."""
    found = [(process, *url) for it in manifests() for process in it.process for url in process.urls.items()]
    return {other for process, setting, other in found if (process.name, setting) not in PUBLIC}


def is_relay(process: Process) -> bool:
    return process.name.endswith("-relay")


def _filled(text: str, **values: str) -> str:
    """Leaves the places of other parts as they are."""
    return re.sub(r"@\{(\w+)\}", lambda place: values.get(place[1], place[0]), text)
