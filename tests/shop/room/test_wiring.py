"""Where the machine room starts, and as what."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bootstrap.errors import Failed
from chassis.core.errors import Misconfigured
from chassis.web import auth
from shop import tokens
from shop.paths import Paths
from shop.room import wiring
from shop.room.app import from_env
from shop.settings import ROOT

AWS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "s" * 40, "AWS_REGION": "eu-west-1"}


def test_room_refuses_aws_without_its_flag(nowhere: None) -> None:
    with pytest.raises(Misconfigured, match="shop room --aws"):
        wiring.build(AWS)
    answer = from_env(AWS).test_client().get("/room")
    assert (answer.status_code, "shop room --aws" in answer.text) == (403, True)


def test_room_on_aws_only_shows_and_reads_no_events(nowhere: None) -> None:
    room, works = wiring.build(AWS | {"SHOP_ROOM_READ_ONLY": "on"})
    assert room.read_only
    assert not room.commands
    assert [work.__qualname__ for work in works] == ["Watch.run"]


def test_room_on_aws_does_not_show_the_processes_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "supervisor.sock").touch()
    here = {"SHOP_SOCKET": str(tmp_path / "supervisor.sock")}
    assert wiring.processes(here) is not None
    assert wiring.processes(here | {"SHOP_ROOM_READ_ONLY": "on"}) is None


def test_room_starts_without_the_packages_that_its_image_lacks() -> None:
    hidden = "import sys; sys.modules |= dict.fromkeys(['dotenv', 'rich', 'supervisor', 'typer']); import shop.room.app"
    subprocess.run([sys.executable, "-c", hidden], cwd=ROOT, check=True, timeout=60)


def test_services_accept_the_token_of_the_customer_of_the_room(tmp_path: Path) -> None:
    settings = tokens.settings(Paths(tmp_path))
    verify = auth.from_env(settings)
    assert verify is not None
    assert verify(wiring.signer(settings | {"SHOP_FILES": str(tmp_path)})("ann")) == auth.Principal("ann")


def test_room_without_a_key_signs_nothing_and_says_where_to_buy() -> None:
    assert wiring.signer({"SHOP_AUTH": "off"})("ann") == ""
    with pytest.raises(Failed, match="Sign in to the shop"):
        wiring.signer({"SHOP_AUTH": "on"})("ann")


def test_room_of_another_issuer_says_where_tokens_come_from(tmp_path: Path) -> None:
    sign = wiring.signer({"SHOP_AUTH": "on", "AUTH_ISSUER": "https://id.example", "SHOP_FILES": str(tmp_path)})
    with pytest.raises(Failed, match=r"https://id\.example: get tokens there"):
        sign("ann")


@pytest.mark.integration
def test_room_of_an_emulator_has_buttons_and_reads_events(aws_env: Mapping[str, str], tmp_path: Path) -> None:
    room, works = wiring.build(aws_env)
    assert not room.read_only
    assert room.commands
    assert [work.__qualname__ for work in works] == ["Watch.run", "Tap.run"]
    (tmp_path / "supervisor.sock").touch()
    room, _ = wiring.build({**aws_env, "SHOP_SOCKET": str(tmp_path / "supervisor.sock")})
    assert not room.commands
