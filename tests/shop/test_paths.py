"""Where a shop's files are."""

from pathlib import Path

import pytest

from bootstrap.errors import Failed
from shop.paths import Paths


def test_the_socket_is_in_the_shops_folder() -> None:
    assert Paths(Path("/v/mine")).socket == Path("/v/mine/supervisor.sock")


def test_a_long_path_gets_a_short_socket_of_its_own() -> None:
    deep, other = Paths(Path("/v" * 60)), Paths(Path("/w" * 60))
    assert len(str(deep.socket)) < 104
    assert deep.socket != other.socket


def test_the_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    paths = Paths(tmp_path / "var" / "mine")
    paths.path.mkdir(mode=0o755, parents=True)
    paths.make()
    assert paths.path.stat().st_mode & 0o777 == 0o700
    assert paths.logs.is_dir()


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Failed, match=r"/file/mine cannot hold the shop's files: Not a directory\. SHOP_VAR names"):
        Paths(tmp_path / "file" / "mine").make()
