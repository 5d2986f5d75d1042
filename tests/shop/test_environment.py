"""No process of the shop here may reach a developer's real account."""

import re

import pytest

from bootstrap.errors import Failed
from shop import environment
from shop.settings import Settings
from tests.environment import ROOT
from tests.shops import free_ports

DEVELOPERS = {
    "AWS_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_SESSION_TOKEN": "real",
    "AWS_ENDPOINT_URL_DYNAMODB": "https://dynamodb.eu-west-1.amazonaws.com",
    "AWS_REGION": "eu-west-1",
    "PATH": "/bin",
}


def test_processes_get_nothing_of_a_real_account() -> None:
    env = environment.for_processes(DEVELOPERS, Settings())
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_DYNAMODB"} & env.keys()
    assert (env["AWS_ACCESS_KEY_ID"], env["AWS_REGION"]) == ("test", "us-east-1")
    assert env["AWS_CONFIG_FILE"] == env["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"


def test_the_endpoint_is_the_emulator() -> None:
    assert environment.for_processes(DEVELOPERS, Settings())["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"


def test_the_rest_of_the_environment_is_kept() -> None:
    assert environment.for_processes(DEVELOPERS, Settings())["PATH"] == "/bin"


def test_variables_that_would_move_a_web_service_are_dropped() -> None:
    given = {"PORT": "1", "HOST": "0.0.0.0", "GUNICORN_CMD_ARGS": "-b :1", "SHOP_PRODUCT_PORT": "2"}  # noqa: S104
    assert not given.keys() & environment.for_processes(given, Settings()).keys()


def test_processes_log_json_and_know_the_shops_name() -> None:
    env = environment.for_processes({"LOG_FORMAT": "pretty"}, Settings(name="mine"))
    assert (env["LOG_FORMAT"], env["SHOP_NAME"]) == ("json", "mine")


def test_a_proxy_is_not_used_for_this_machine() -> None:
    env = environment.for_processes({"http_proxy": "http://p", "NO_PROXY": "corp"}, Settings())
    assert env["no_proxy"] == env["NO_PROXY"] == "corp,127.0.0.1,localhost"
    assert env["http_proxy"] == "http://p"


def test_a_proxy_is_not_used_for_a_given_emulator() -> None:
    env = environment.for_processes({"http_proxy": "http://p"}, Settings(given_endpoint="http://emulator.lan:4566"))
    assert env["no_proxy"] == "127.0.0.1,localhost,emulator.lan"


def test_settings_of_other_python_projects_do_not_reach_a_process() -> None:
    given = {"PYTHONPATH": "/other", "PYTHONHOME": "/other", "PYTHONSAFEPATH": "1", "PYTHONINSPECT": "1"}
    assert not given.keys() & environment.for_processes(given, Settings()).keys()


def test_an_endpoint_where_no_emulator_answers_is_refused() -> None:
    given = f"http://127.0.0.1:{free_ports()['SHOP_EMULATOR_PORT']}"
    with pytest.raises(Failed, match=f"No emulator answers at {given}: start it"):
        environment.refuse_unless_emulator(Settings(given_endpoint=given))


def test_the_error_without_an_emulator_names_the_commands_that_start_one() -> None:
    with pytest.raises(Failed, match="`make run` or `make up` starts one"):
        environment.refuse_unless_emulator(Settings.from_env(free_ports()))


def test_aws_itself_is_refused() -> None:
    with pytest.raises(Failed, match="No emulator answers at"):
        environment.refuse_unless_emulator(Settings(given_endpoint="https://dynamodb.us-east-1.amazonaws.com"))


def test_logs_are_utf_8_whatever_the_terminal_is() -> None:
    assert environment.for_processes({"PYTHONUTF8": "0"}, Settings())["PYTHONUTF8"] == "1"


@pytest.mark.parametrize("setting", environment.PASSED_ON)
def test_processes_get_the_settings_that_they_read_themselves(setting: str) -> None:
    assert environment.for_processes({setting: "given"}, Settings())[setting] == "given"


def test_every_setting_that_a_service_reads_itself_reaches_it() -> None:
    """In `make run` and in containers, except the share of a relay, of which there is only one here."""
    found = {
        name for path in ROOT.glob("services/*/*.py") for name in re.findall(r'"(SHOP_[A-Z_]+)"', path.read_text())
    }
    reads = found - {"SHOP_RELAY_SEGMENT"}
    login = {f"SHOP_LOGIN_{name}" for name in ("CLIENT", "PASSWORD", "PARAMETERS", "ADDRESS")}
    assert reads == {"SHOP_LATE_PAYMENT", "SHOP_SESSION_KEY"} | login
    given = environment.for_processes(dict.fromkeys(reads, "given"), Settings())
    assert {given[name] for name in reads} == {"given"}
    assert [name for name in reads if f"{name}: ${{{name}-}}" not in (ROOT / "docker-compose.yml").read_text()] == []
