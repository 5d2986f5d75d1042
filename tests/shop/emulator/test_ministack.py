"""How the emulator is started: its services are those that the shop needs, and no others."""

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from bootstrap.aws import Aws
from bootstrap.names import Names
from bootstrap.templates import load
from shop.emulator import ministack
from shop.package import emulated
from tests.environment import ROOT

AT_HAND = {"region", "emulator"}  # of `Aws`, what is no client


def template() -> set[str]:
    """The services of the resource types in the templates."""
    texts = [template.text for template in load(Names("shop"))]
    types = [name for text in texts for name in re.findall(r"^    Type: (AWS::\S+)$", text, re.MULTILINE)]
    assert len(types) > 20
    return {name.split("::")[1].lower() for name in types}


def called() -> set[str]:
    """The services whose clients `bootstrap` and the shop make, without those that only functions need."""
    ours = [file for folder in ("chassis", "services") for file in (ROOT / folder).rglob("*.py")]
    made = {name for file in ours for name in re.findall(r'\.(?:client|of)\(\s*"([a-z]+)"', file.read_text())}
    assert made
    return (made | {field.name for field in fields(Aws)}) - AT_HAND - {*emulated.SERVICES}


def test_the_emulator_offers_the_services_of_the_templates_and_of_our_clients_and_no_other() -> None:
    assert set(ministack.SERVICES) == template() | called()


def test_the_containers_emulator_offers_the_same_and_api_gateway() -> None:
    compose: Any = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["localstack"]["environment"]
    assert compose["SERVICES"].split(",") == ["apigateway", *ministack.SERVICES]
    assert compose["STRICT_SERVICE_LOADING"] == "1"


def test_without_a_folder_the_emulator_saves_nothing() -> None:
    env = ministack.environment(4566)
    assert (env["PERSIST_STATE"], env["STATE_DIR"]) == ("0", "")


def test_with_a_folder_the_emulator_saves_there() -> None:
    env = ministack.environment(4566, Path("/v/emulator"))
    assert (env["PERSIST_STATE"], env["STATE_DIR"]) == ("1", "/v/emulator")
