"""Which AWS a command works on: the shop on this machine, or with `--aws` the account of this shell."""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import typer

from bootstrap.settings import NAMES
from shop.environment import UTF8, for_processes, refuse_unless_emulator
from shop.paths import paths_of
from shop.settings import Settings, with_file

OnAws = Annotated[
    bool, typer.Option("--aws", help="Work on the AWS account of this shell, not on the shop on this machine.")
]


def enter(*, aws: bool) -> Mapping[str, str]:
    """Makes this process's environment that of the target, and returns it.

    boto3 reads `os.environ` itself, so nothing in it may lead to another account than the one that was asked for.
    """
    env = of_account(os.environ) if aws else of_this_machine(with_file(os.environ))
    os.environ.clear()
    os.environ.update(env)
    return env


def of_this_machine(env: Mapping[str, str]) -> dict[str, str]:
    """Leads to the emulator of the shop that runs here, as processes or in containers, and never to a real account.

    Raises `Failed` where no emulator answers.
    """
    settings = as_running(Settings.from_env(env))
    refuse_unless_emulator(settings)
    its = for_processes(env, settings)
    del its[UTF8]  # the command writes to this terminal
    return its


def of_account(shell: Mapping[str, str]) -> dict[str, str]:
    """Leads to AWS with the shell's credentials and region.

    The shell's endpoints are of an emulator, and the credentials of the file `.env` are for containers: neither counts.
    """
    known = with_file(shell)
    own = {"SHOP_NAME": Settings.from_env(known).name} | {name: known.get(name, "") for name in NAMES}
    return {it: value for it, value in shell.items() if not it.startswith("AWS_ENDPOINT_URL")} | own


def as_running(settings: Settings) -> Settings:
    """With the ports of the shop that runs, which may have been started with other settings."""
    from shop.processes import run_state  # noqa: PLC0415 it loads pydantic, and `shop --help` needs none

    known = run_state.read(paths_of(settings).run_state)
    if known is None:
        return settings
    given = "" if "emulator" in known.ports else known.endpoint
    return replace(settings, ports=known.ports, given_endpoint=given)
