"""Where the machine room starts, and as what."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from chassis.core.errors import Misconfigured
from shop.room import wiring
from shop.room.app import from_env

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


@pytest.mark.integration
def test_room_of_an_emulator_has_buttons_and_reads_events(aws_env: Mapping[str, str], tmp_path: Path) -> None:
    room, works = wiring.build(aws_env)
    assert not room.read_only
    assert room.commands
    assert [work.__qualname__ for work in works] == ["Watch.run", "Tap.run"]
    (tmp_path / "supervisor.sock").touch()
    room, _ = wiring.build({**aws_env, "SHOP_SOCKET": str(tmp_path / "supervisor.sock")})
    assert not room.commands
