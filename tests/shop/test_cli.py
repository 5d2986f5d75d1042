"""Exit codes and one-line errors of the command line."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from bootstrap import __main__ as bootstrap
from bootstrap.engines import ENGINES
from shop import cli
from shop.paths import paths_of
from shop.processes import run_state, stopping
from shop.settings import ROOT, Settings
from tests.processes import inherited
from tests.shops import free_ports


def env(tmp_path: Path) -> dict[str, str]:
    return free_ports() | {"SHOP_VAR": str(tmp_path)}


def test_an_error_is_one_line_and_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run"], {"SHOP_PRODUCT_PORT": "many"}) == 1
    assert capsys.readouterr().err == "SHOP_PRODUCT_PORT=many is not a port: give a number from 1 to 65535.\n"


def test_demo_of_a_shop_with_another_issuer_says_that_it_has_no_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["demo"], env(tmp_path) | {"SHOP_AUTH": "on", "AUTH_ISSUER": "https://issuer.test"}) == 1
    assert capsys.readouterr().err == (
        "AUTH_ISSUER is https://issuer.test: get tokens there. "
        "`.venv/bin/shop token` and `.venv/bin/shop demo` sign only for a shop on this machine.\n"
    )


def test_status_of_no_shop_says_how_to_start_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status"], env(tmp_path)) == 1
    assert "`make run` starts it" in capsys.readouterr().out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shopwire").mkdir()
    (tmp_path / "shopwire" / "supervisord.conf").symlink_to("/dev/full")
    assert cli.main(["run"], env(tmp_path)) == 1
    said = capsys.readouterr().err
    assert said == "No space left on device. Free some space on it, or name another folder with SHOP_VAR.\n"


@pytest.mark.parametrize("command", ["run", "status", "stop", "reset", "logs"])
def test_every_command_reports_an_unusable_folder_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (tmp_path / "file").touch()
    assert cli.main([command], env(tmp_path / "file")) == 1
    (told,) = capsys.readouterr().err.splitlines()
    assert told == f"{tmp_path}/file/shopwire/running.json: Not a directory. SHOP_VAR can name another folder."


def test_a_terminal_that_is_not_utf_8_loses_no_line(tmp_path: Path) -> None:
    logs = tmp_path / "shopwire" / "log"
    logs.mkdir(parents=True)
    (logs / "basket.log").write_text("first ✓\nlast\n", encoding="utf-8")
    command = [sys.executable, "-m", "shop", "logs", "--no-follow", "basket"]
    its = os.environ | env(tmp_path) | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    shown = subprocess.run(command, cwd=ROOT, env=its, capture_output=True, check=True).stdout.splitlines()
    assert b"first ?" in shown[0]
    assert b"last" in shown[1]


def test_stopping_no_shop_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stop"], env(tmp_path)) == 0
    assert "was not running" in capsys.readouterr().out


def test_a_launcher_that_ignores_the_signal_is_killed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    settings = Settings.from_env(env(tmp_path))
    with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as launcher:
        try:
            assert launcher.stdout
            launcher.stdout.readline()
            paths = paths_of(settings)
            paths.run_state.parent.mkdir(parents=True)
            run_state.write(
                run_state.RunState(run_state.mark(launcher.pid), "http://127.0.0.1:1", dict(settings.ports)),
                paths.run_state,
            )
            stopping.stop(paths, within=0.5)
            assert launcher.wait(timeout=5) == -9
        finally:
            launcher.kill()
    assert capsys.readouterr().out == "Stopped; had to kill the launcher.\n"


def test_logs_of_a_shop_that_never_ran_say_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["logs", "--no-follow"], env(tmp_path)) == 1
    assert "`make run` writes them" in capsys.readouterr().err


def test_logs_of_an_unknown_process_name_the_known_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["logs", "--no-follow", "bakset"], env(tmp_path)) == 1
    assert "No process is called bakset; there are emulator, " in capsys.readouterr().err


def test_logs_are_shown_from_their_last_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = tmp_path / "shopwire" / "log"
    logs.mkdir(parents=True)
    (logs / "basket.log").write_text("1\n2\n3\n")
    assert cli.main(["logs", "--no-follow", "-n", "2", "basket"], env(tmp_path)) == 0
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["2", "3"]


def test_logs_of_a_stopped_shop_are_shown_but_not_followed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = tmp_path / "shopwire" / "log"
    logs.mkdir(parents=True)
    (logs / "basket.log").write_text("the end\n")
    assert cli.main(["logs"], env(tmp_path)) == 0
    said = capsys.readouterr()
    assert "the end" in said.out
    assert "does not run here" in said.err


def test_reset_of_a_stopped_shop_deletes_its_data(tmp_path: Path) -> None:
    state = tmp_path / "shopwire" / "emulator"
    state.mkdir(parents=True)
    assert cli.main(["reset"], env(tmp_path)) == 0
    assert not state.exists()


def test_reset_says_that_it_did_not_empty_another_shop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as another:
        port = str(another.getsockname()[1])
        assert cli.main(["reset"], env(tmp_path) | {"SHOP_BASKET_PORT": port}) == 0
    assert f"What answers on http://127.0.0.1:{port} is not: containers" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["doctor"], ["dlq", "list"], ["stack", "status"], ["seed"]])
def test_a_command_without_an_emulator_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    set_environment(monkeypatch, env(tmp_path))
    assert cli.main(command) == 1
    assert "`make run` or `make up` starts one" in capsys.readouterr().err


@pytest.mark.integration
def test_a_stack_is_planned_on_the_emulator_of_the_shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], emulator_url: str
) -> None:
    set_environment(monkeypatch, env(tmp_path) | {"SHOP_ENDPOINT_URL": emulator_url, "AWS_PROFILE": "production"})
    assert cli.main(["stack", "plan"]) == 0
    assert "OrderTable" in capsys.readouterr().out


def test_made_up_credentials_do_not_reach_the_account_of_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after the `export` that the banner of `shop run` shows."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
    set_environment(monkeypatch, env(tmp_path) | keys | {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"})
    assert cli.main(["stack", "down", "--aws", "--really-aws"]) == 2
    assert "placeholders for an emulator" in capsys.readouterr().err


def test_stacks_that_run_services_are_on_aws_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stack", "up", "--run", "lambda"], {}) == 2
    assert "--run needs --aws: the emulator here runs no services" in capsys.readouterr().err


def test_engine_and_its_settings_reach_the_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_environment(monkeypatch, env(tmp_path))
    assert cli.main(["stack", "up", "--aws", "--run", "fargate"]) == 2
    assert "set SHOP_RUN_CERTIFICATE to the ARN of a certificate" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["plan", "up", "status", "down"])
def test_stack_has_the_options_of_bootstrap(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bootstrap.main([command, "--help"], {})
    expected = options(capsys.readouterr().out)
    assert cli.main(["stack", command, "--help"], {}) == 0
    assert options(capsys.readouterr().out) == expected | {"--aws"}


def options(shown: str) -> set[str]:
    """Of a page of help. Its choices belong to them."""
    return set(re.findall(r"(?<!\S)--[a-z-]+", shown)) | {it for it in ENGINES if it in shown}


def set_environment(monkeypatch: pytest.MonkeyPatch, env: Mapping[str, str]) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)


def test_the_command_alone_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([], {}) == 2
    shown = capsys.readouterr()
    listed = set(re.findall(r"^│ (\S+)", shown.out + shown.err, re.MULTILINE))  # not the lines of a long description
    assert listed == {
        "--help", "run", "dev", "stop", "status", "logs", "reset",
        "demo", "load", "order", "trace", "room", "metrics", "token", "seed", "doctor", "dlq", "notifications",
        "image", "package", "lambda", "stack",
    }  # fmt: skip


def test_an_unknown_command_is_not_tried(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["strat"], {}) == 2
    assert "No such command 'strat'" in capsys.readouterr().err


def test_the_list_of_commands_loads_no_heavy_module() -> None:
    """So that `shop --help` and every mistyped command answer at once."""
    code = "import sys; from shop import cli; cli.main(['--help'], {}); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1]
    assert "'shop.target'" in loaded
    assert [name for name in ("boto3", "supervisor", "shop.processes.run", "flask") if f"'{name}'" in loaded] == []


def test_demo_without_a_shop_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo"], env(tmp_path)) == 1
    assert "Nothing answers at" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_an_output_that_is_not_utf_8_loses_no_line(tmp_path: Path, encoding: str) -> None:
    logs = tmp_path / "shopwire" / "log"
    logs.mkdir(parents=True)
    (logs / "basket.log").write_text("3 × 12.30 = 36.9\n", encoding="utf-8")
    command = [sys.executable, "-m", "shop", "logs", "--no-follow", "basket"]
    variables = inherited() | env(tmp_path) | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, encoding=encoding, check=True)
    assert "12.30 = 36.9" in done.stdout
    assert done.stdout.startswith("basket ")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_lines_of_make_run_are_shown_on_a_terminal_without_utf_8(encoding: str) -> None:
    code = "from shop import output; output.prepare_output(); output.say('basket │ order placed')"
    variables = inherited() | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=variables, capture_output=True, encoding=encoding, check=True
    )
    assert done.stdout == "basket ? order placed\n"


def test_control_characters_in_an_error_do_not_reach_the_terminal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.main(["logs", "--no-follow", "\x1b[2J"], env(tmp_path)) == 1
    assert r"\x1b[2J" in capsys.readouterr().err


INTERRUPTED = """
import sys
from shop.__main__ import main

class Interrupted:
    def find_spec(self, name, *_):
        if name == "shop.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
sys.exit(main())
"""


def test_ctrl_c_while_the_commands_are_loaded_prints_no_traceback() -> None:
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (130, "")
