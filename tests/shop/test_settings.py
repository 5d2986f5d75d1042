"""What the launcher reads from the environment."""

from pathlib import Path

import pytest

from bootstrap.errors import Failed
from shop.settings import Settings, with_file


def test_an_empty_environment_gives_the_usual_ports() -> None:
    settings = Settings.from_env({})
    web = {"product": 8001, "basket": 8002, "ordering": 8003, "payment": 8005, "stock": 8004, "storefront": 8006}
    assert settings.ports == {"emulator": 4566, "door": 8000, "room": 8007} | web
    assert (settings.name, settings.endpoint) == ("shopwire", "http://127.0.0.1:4566")


def test_without_caddy_the_shop_has_no_port_of_a_door(tmp_path: Path) -> None:
    assert "door" not in Settings.from_env({}, caddy=tmp_path / "caddy").ports


def test_the_file_sets_what_the_shell_does_not(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# ports\nSHOP_BASKET_PORT=9\nSHOP_PRODUCT_PORT=8\nSHOP_NAME=\nSHOP_VAR\n")
    read = with_file({"SHOP_PRODUCT_PORT": "7", "HOME": "/h"}, file)
    assert read == {"SHOP_BASKET_PORT": "9", "SHOP_PRODUCT_PORT": "7", "SHOP_NAME": "", "SHOP_VAR": "", "HOME": "/h"}
    assert Settings.from_env(read).ports["basket"] == 9


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"SHOP_NAME=\xff\n")
    with pytest.raises(Failed, match=r"\.env cannot be read"):
        with_file({}, tmp_path / ".env")


def test_without_a_file_the_shell_alone_counts(tmp_path: Path) -> None:
    assert with_file({"HOME": "/h"}, tmp_path / ".env") == {"HOME": "/h"}


def test_ports_name_and_folder_come_from_the_environment() -> None:
    settings = Settings.from_env({"SHOP_BASKET_PORT": "9", "SHOP_NAME": "mine", "SHOP_VAR": "/somewhere"})
    assert settings.url("basket") == "http://127.0.0.1:9"
    assert (settings.name, settings.var) == ("mine", Path("/somewhere"))


def test_a_given_endpoint_needs_no_port_for_the_emulator() -> None:
    settings = Settings.from_env({"SHOP_ENDPOINT_URL": "http://there:4566/", "SHOP_PRODUCT_PORT": "4566"})
    assert settings.endpoint == "http://there:4566"
    assert "emulator" not in settings.ports


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "8001.5", " 8001", "١"])
def test_an_invalid_port_is_refused_with_its_variable(text: str) -> None:
    with pytest.raises(Failed, match="SHOP_ORDERING_PORT="):
        Settings.from_env({"SHOP_ORDERING_PORT": text})


def test_two_services_on_one_port_are_refused() -> None:
    with pytest.raises(Failed, match="SHOP_BASKET_PORT and SHOP_PRODUCT_PORT are both 8001"):
        Settings.from_env({"SHOP_BASKET_PORT": "8001"})


def test_the_former_name_of_a_setting_is_refused() -> None:
    with pytest.raises(Failed, match="SHOP_STACK is called SHOP_NAME now"):
        Settings.from_env({"SHOP_STACK": "mine"})


@pytest.mark.parametrize("name", ["has space", "../up", "1st", "x" * 41])
def test_a_name_that_aws_would_refuse_is_refused(name: str) -> None:
    with pytest.raises(Failed, match="SHOP_NAME="):
        Settings.from_env({"SHOP_NAME": name})


def test_the_patience_of_a_start_can_be_set() -> None:
    assert Settings.from_env({}).patience == 60
    assert Settings.from_env({"SHOP_PATIENCE": "600"}).patience == 600


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "10000", "long", "٣"])
def test_an_invalid_patience_is_refused_with_its_variable(text: str) -> None:
    with pytest.raises(Failed, match=f"SHOP_PATIENCE={text} is not a number of seconds"):
        Settings.from_env({"SHOP_PATIENCE": text})


def test_an_endpoint_without_a_scheme_is_refused() -> None:
    with pytest.raises(Failed, match="SHOP_ENDPOINT_URL=localhost:4566 is not a URL"):
        Settings.from_env({"SHOP_ENDPOINT_URL": "localhost:4566"})
