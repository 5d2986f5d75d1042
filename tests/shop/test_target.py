"""A command works on the shop of this machine, unless AWS is selected."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bootstrap.errors import Failed
from shop import target

DEVELOPERS = {
    "AWS_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
    "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:4566",
    "AWS_REGION": "eu-west-1",
    "PATH": "/bin",
}


class Health(BaseHTTPRequestHandler):
    """Answers as an emulator does."""

    def do_GET(self) -> None:
        body = json.dumps({"services": {}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        return


@pytest.fixture
def emulator() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_default_target_is_the_emulator_and_nothing_of_a_real_account(emulator: str, tmp_path: Path) -> None:
    env = target.of_this_machine(DEVELOPERS | {"SHOP_ENDPOINT_URL": emulator, "SHOP_VAR": str(tmp_path)})
    assert env["AWS_ENDPOINT_URL"] == emulator
    assert (env["AWS_ACCESS_KEY_ID"], env["AWS_REGION"], env["SHOP_NAME"]) == ("test", "us-east-1", "shopwire")
    assert not {"AWS_PROFILE", "AWS_ENDPOINT_URL_SQS", "PYTHONUTF8"} & env.keys()


def test_without_an_emulator_no_other_target_is_used(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="No emulator answers at"):
        target.of_this_machine(DEVELOPERS | {"SHOP_ENDPOINT_URL": "http://127.0.0.1:9", "SHOP_VAR": str(tmp_path)})


def test_the_account_of_the_shell_has_no_emulators_endpoint() -> None:
    env = target.of_account(DEVELOPERS | {"SHOP_NAME": "mine"})
    assert {**DEVELOPERS, "SHOP_NAME": "mine"}.items() - env.items() == {
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
        ("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:4566"),
    }


def test_the_mailbox_of_notifications_reaches_both_targets(emulator: str, tmp_path: Path) -> None:
    mailbox = {"SHOP_NOTIFY_EMAIL": "ann@example.com"}
    here = {"SHOP_ENDPOINT_URL": emulator, "SHOP_VAR": str(tmp_path)}
    assert target.of_this_machine(DEVELOPERS | here | mailbox).items() >= mailbox.items()
    assert target.of_account(DEVELOPERS | mailbox).items() >= mailbox.items()


def test_the_environment_that_boto3_reads_is_the_targets(
    emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (DEVELOPERS | {"SHOP_ENDPOINT_URL": emulator, "SHOP_VAR": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    env = target.enter(aws=False)
    assert dict(os.environ) == env
    assert "AWS_PROFILE" not in os.environ
