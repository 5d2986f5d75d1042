"""The local token issuer: its key, its tokens, and when a shop runs without authentication."""

import json
from pathlib import Path
from threading import Thread

import pytest

from bootstrap.errors import Failed
from chassis.web import auth
from chassis.web.auth import Principal
from shop import tokens
from shop.cli import main
from shop.paths import Paths

ISSUER = {"AUTH_ISSUER": "https://issuer.test", "AUTH_AUDIENCE": "shop", "AUTH_JWKS": "https://issuer.test/keys"}


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "var" / "mine")


def test_services_with_these_settings_accept_its_tokens(paths: Paths) -> None:
    verify = auth.from_env(tokens.settings(paths))
    assert verify is not None
    assert verify(tokens.token({}, paths, "ann")) == Principal("ann")
    assert verify(tokens.token({}, paths, "root", admin=True)) == Principal("root", admin=True)


def test_key_is_made_once_for_its_owner_only_and_settings_have_only_its_public_half(paths: Paths) -> None:
    before = tokens.settings(paths)
    assert tokens.settings(paths) == before
    assert paths.token_key.stat().st_mode & 0o777 == 0o600
    (key,) = json.loads(before["AUTH_JWKS"])["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert [file.name for file in paths.path.iterdir() if file.is_file()] == ["token-key.pem"]


def test_commands_that_start_at_once_use_the_same_key(paths: Paths) -> None:
    made: list[str] = []
    threads = [Thread(target=lambda: made.append(tokens.settings(paths)["AUTH_JWKS"])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1


def test_unusable_key_is_one_clear_line(paths: Paths) -> None:
    paths.make()
    paths.token_key.write_text("junk")
    with pytest.raises(Failed, match=r"token-key\.pem is not the key .* Remove it"):
        tokens.token({}, paths, "ann")


def test_shop_of_another_issuer_needs_its_tokens(paths: Paths) -> None:
    with pytest.raises(Failed, match=r"AUTH_ISSUER is https://issuer\.test: get tokens there"):
        tokens.token(ISSUER, paths, "ann")


def test_settings_of_a_former_key_are_recognized(paths: Paths, tmp_path: Path) -> None:
    former = tokens.settings(Paths(tmp_path / "former"))
    with pytest.raises(Failed, match="AUTH_JWKS has another key than"):
        tokens.token(former, paths, "ann")


@pytest.mark.parametrize("env", [{}, {"SHOP_AUTH": ""}, {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}])
def test_processes_authenticate_nobody_by_default(paths: Paths, env: dict[str, str]) -> None:
    assert auth.from_env(tokens.for_processes(env, paths)) is None


def test_on_without_an_issuer_means_the_local_one(paths: Paths) -> None:
    assert tokens.for_processes({"SHOP_AUTH": "on"}, paths) == tokens.settings(paths)


@pytest.mark.parametrize("mode", ["", "on"])
def test_issuer_of_the_environment_is_used(paths: Paths, mode: str) -> None:
    env = ISSUER | {"SHOP_AUTH": mode}
    assert env | tokens.for_processes(env, paths) == ISSUER | {"SHOP_AUTH": "on"}
    assert not paths.token_key.exists()


def test_explicit_off_wins_over_an_issuer(paths: Paths) -> None:
    env = ISSUER | {"SHOP_AUTH": "off"}
    assert auth.from_env(env | tokens.for_processes(env, paths)) is None


def test_default_off_is_refused_where_the_environment_means_aws(paths: Paths) -> None:
    with pytest.raises(Failed, match=r"means real AWS, and SHOP_AUTH is not set\. Set SHOP_AUTH=on, or SHOP_AUTH=off"):
        tokens.for_processes({"AWS_ENDPOINT_URL": ""}, paths)
    assert tokens.for_processes({"AWS_ENDPOINT_URL": "", "SHOP_AUTH": "off"}, paths)["SHOP_AUTH"] == "off"


def test_command_prints_a_token_or_a_header(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    env = {"SHOP_VAR": str(tmp_path)}
    verify = auth.from_env(tokens.settings(Paths(tmp_path / "shopwire")))
    assert verify is not None
    assert main(["token", "ann"], env) == 0
    assert verify(capsys.readouterr().out.strip()) == Principal("ann")
    assert main(["token", "ann", "--admin", "--header"], env) == 0
    name, scheme, token = capsys.readouterr().out.split()
    assert (name, scheme, verify(token)) == ("Authorization:", "Bearer", Principal("ann", admin=True))


def test_command_prints_settings_as_lines_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "--settings"], {"SHOP_VAR": str(tmp_path)}) == 0
    lines = dict(line.split("=", 1) for line in capsys.readouterr().out.splitlines())
    expected = tokens.settings(Paths(tmp_path / "shopwire"))
    assert lines == {name: f"'{value}'" for name, value in expected.items()}


@pytest.mark.parametrize("words", [["token"], ["token", "ann", "--settings"]])
def test_command_needs_a_user_or_settings(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words, {"SHOP_VAR": str(tmp_path)}) == 1
    assert capsys.readouterr().err == "Name a user, as in `.venv/bin/shop token ann`, or ask for --settings.\n"
