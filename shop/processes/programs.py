"""What `make run` starts, stage by stage: the emulator, two tasks, the processes of the manifests, and Caddy."""

import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bootstrap.manifests import Process, processes
from shop import door
from shop.emulator import ministack
from shop.paths import Paths
from shop.settings import DOOR, MACHINE_ROOM, Settings

EMULATOR = ministack.PROCESS
ROOM_APP = "shop.room.app:from_env()"
BEGIN_ANEW = "If its data need not be kept: `make reset` deletes it, and the next `make run` begins with an empty shop."
# Seconds, for an emulator that hangs. Otherwise it ends when its data is saved: 40,000 rows take about 3 s.
SAVED_WITHIN = 300


@dataclass(frozen=True)
class Program:
    """A process that is kept alive; with a `ready` URL it counts as started once that answers 200."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: str = ""
    start_seconds: int = 1  # a process that ends sooner counts as not started, and is given up after three more tries
    stop_seconds: int = 2  # then it is killed; without the emulator, all stages together take less than ten seconds


@dataclass(frozen=True)
class Task:
    """A process that runs to its end before the next stage begins; `advice` is what to do where it fails."""

    name: str
    command: tuple[str, ...]
    advice: str = ""


Stage = tuple[Program | Task, ...]
Plan = tuple[Stage, ...]


def plan(settings: Settings, paths: Paths) -> Plan:
    """The stages in the order of their start. The programs of one stage start together."""
    web_first = sorted(processes(), key=lambda it: not it.serve)
    return (
        () if settings.given_endpoint else (_emulator(settings, paths),),
        (Task("bootstrap", _python("-m", "bootstrap", "up"), BEGIN_ANEW),),
        (Task("seed", _python("-m", "services.product.seed")),),
        (
            *(_web(settings, it) if it.serve else _worker(settings, it) for it in web_first),
            *([_door(settings, paths)] if DOOR in settings.ports else []),
            *([room(settings, paths)] if MACHINE_ROOM in settings.ports else []),
        ),
    )


def emptying() -> tuple[Task, ...]:
    """Deletes and creates the resources of a running shop. `down` asks no question, since it works on an emulator."""
    return (
        Task("bootstrap", _python("-m", "bootstrap", "down")),
        Task("bootstrap", _python("-m", "bootstrap", "up")),
        Task("seed", _python("-m", "services.product.seed")),
    )


def programs(the_plan: Plan) -> Iterator[Program]:
    return (step for stage in the_plan for step in stage if isinstance(step, Program))


def _emulator(settings: Settings, paths: Paths) -> Program:
    return Program(
        EMULATOR,
        ministack.command(settings.ports["emulator"]),
        env=ministack.environment(settings.ports["emulator"], paths.state.path),
        ready=f"{settings.url('emulator')}/_localstack/health",
        stop_seconds=SAVED_WITHIN,
    )


def _web(settings: Settings, process: Process) -> Program:
    reload = ("--reload",) if settings.dev else ()
    return Program(
        process.name,
        _python("-m", "gunicorn", "-c", "python:chassis.web.gunicorn", *reload, process.serve),
        env={"PORT": str(settings.ports[process.name])} | _trust(settings) | _addresses(settings, process),
        ready=f"{settings.url(process.name)}/health/ready",
    )


def _door(settings: Settings, paths: Paths) -> Program:
    return Program(
        DOOR, door.command(), env=door.environment(settings, paths), ready=f"{settings.url(DOOR)}/health/live"
    )


def room(settings: Settings, paths: Paths) -> Program:
    """The machine room. It keeps its events in memory, so there is one worker whatever WEB_WORKERS says."""
    reload = ("--reload",) if settings.dev else ()
    urls = {f"{name.upper()}_URL": settings.url(name) for name in ("product", "basket")}
    pages = settings.url(DOOR if DOOR in settings.ports else "storefront")
    own = {"PORT": str(settings.ports[MACHINE_ROOM]), "STOREFRONT_URL": pages}
    files = {"SHOP_SOCKET": str(paths.socket), "SHOP_FILES": str(paths.path)}
    return Program(
        MACHINE_ROOM,
        _python("-m", "gunicorn", "-c", "python:chassis.web.gunicorn", "--workers", "1", *reload, ROOM_APP),
        env=own | files | urls,
        ready=f"{settings.url(MACHINE_ROOM)}/health/ready",
    )


def _trust(settings: Settings) -> dict[str, str]:
    """Every client of this machine has the door's address. Only a checkout's Location depends on it, and limits."""
    return {"SHOP_TRUSTED_PROXIES": "127.0.0.1"} if DOOR in settings.ports else {}


def _worker(settings: Settings, process: Process) -> Program:
    command = _python("-m", process.run)
    if settings.dev:
        package = process.run.rpartition(".")[0].replace(".", "/")
        command = _python("-m", "watchfiles", "--filter", "python", shlex.join(command), package, "chassis")
    return Program(process.name, command, env=_addresses(settings, process))


def _addresses(settings: Settings, process: Process) -> dict[str, str]:
    return {setting: settings.url(other) for setting, other in process.urls.items()}


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)
