"""The commands for a second terminal: status, reset, seed, logs."""

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing, suppress

from bootstrap.errors import Failed
from shop import environment
from shop.logs.follow import Follower
from shop.output import SHOP, say
from shop.paths import Paths, paths_of
from shop.processes import ports, probe, tasks
from shop.processes.programs import emptying, plan, programs
from shop.processes.supervisor_client import Process, SupervisorClient
from shop.settings import MACHINE_ROOM, ROOT, Settings, web_names
from shop.target import as_running

NOT_RUNNING = "The shop does not run here: `make run` starts it."
CONTAINERS = "`docker compose logs --follow` has those of containers"
OK = 200


def addresses(settings: Settings, env: Mapping[str, str]) -> dict[str, str]:
    """From the environment, else of the shop that runs, else the usual ones, which Docker Compose uses too."""
    known = as_running(settings)
    return {name: (env.get(f"{name.upper()}_URL") or known.url(name)).rstrip("/") for name in web_names()}


def tracing(settings: Settings) -> str:
    """The beginning of a command that shows what happened under a correlation id."""
    return f"{SHOP} trace" if paths_of(settings).run_state.exists() else "docker compose logs | grep"


def status(settings: Settings) -> int:
    paths, settings = paths_of(settings), as_running(settings)
    client = SupervisorClient(paths.socket)
    if not client.answers():
        return _status_without_us(settings)
    processes = client.processes()
    names = [step.name for stage in plan(settings, paths) for step in stage if step.name in processes]
    fine = [_status_line(processes[name], settings) for name in names]
    say(f"  logs in {paths.logs}")
    return 0 if all(fine) else 1


def _status_without_us(settings: Settings) -> int:
    say(NOT_RUNNING)
    for url in _answered_by_another(settings):
        say(f"  but something else answers on {url} (Docker Compose? see `docker compose ps`)")
    return 1


def _answered_by_another(settings: Settings) -> list[str]:
    return [settings.url(name) for name in web_names() if ports.is_taken(settings.ports[name])]


def _status_line(process: Process, settings: Settings) -> bool:
    running = process.state == "RUNNING"
    where = settings.url(process.name) if process.name in settings.ports else ""
    healthy = running
    if process.name in web_names():
        healthy = probe.status(f"{where}/health/ready") == OK
        where += "  ready" if healthy else "  NOT READY"
    since = f"pid {process.pid:<8} up {process.seconds} s" if process.pid else ""
    say(f"  {process.name:<18} {process.state.lower():<9} {since:<26} {where}".rstrip())
    return healthy


def reset(settings: Settings, env: Mapping[str, str]) -> None:
    paths, settings = paths_of(settings), as_running(settings)
    client = SupervisorClient(paths.socket)
    if client.answers():
        _empty_running(settings, paths, client, env)
    elif settings.given_endpoint:
        raise Failed(f"{NOT_RUNNING} Then `make reset` empties it on {settings.given_endpoint}.")
    else:
        shutil.rmtree(paths.state.path, ignore_errors=True)
        say("The shop is empty: the next `make run` starts with the seeded catalogue only.")
        if urls := _answered_by_another(settings):
            say(f"What answers on {', '.join(urls)} is not: containers are emptied by `make down` and `make up`.")


def _empty_running(settings: Settings, paths: Paths, client: SupervisorClient, env: Mapping[str, str]) -> None:
    environment.refuse_unless_emulator(settings)
    workers = [it.name for it in programs(plan(settings, paths)) if not it.ready or it.name == MACHINE_ROOM]
    client.stop(workers, within=8)  # they would log errors about missing tables and queues, or create them again
    try:
        for task in emptying():
            say(f"  python {' '.join(task.command[1:])}")
            tasks.run(task, environment.for_processes(env, settings), paths, settings.patience)
    finally:
        for name in workers:
            client.start(name)
    say("The shop is empty but for the seeded catalogue.")


def seed(env: Mapping[str, str], *, really_aws: bool) -> int:
    command = [sys.executable, "-m", "services.product.seed", *(["--really-aws"] if really_aws else [])]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode  # noqa: S603 our own module


def logs(settings: Settings, names: list[str], env: Mapping[str, str], *, last: int, follow: bool) -> None:
    paths = paths_of(settings)
    follower = Follower(paths, plan(as_running(settings), paths), env, _print, terminal=sys.stdout.isatty())
    if unknown := sorted(set(names) - set(follower.names)):
        raise Failed(f"No process is called {', '.join(unknown)}; there are {', '.join(follower.names)}.")
    if not any(paths.logs.glob("*.log")):
        raise Failed(f"There are no logs in {paths.logs} yet: `make run` writes them; {CONTAINERS}.")
    if follow and not SupervisorClient(paths.socket).answers():
        sys.stderr.write(f"{NOT_RUNNING} These are the last lines of its last run; {CONTAINERS}.\n")
        follow = False
    follower.start(names, last)
    with closing(follower), suppress(KeyboardInterrupt):
        follower.show()
        while follow:
            time.sleep(0.2)
            follower.show()


def _print(line: str) -> None:
    """Unlike `say`, this ends the command when its reader is gone, as after `| head`."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
