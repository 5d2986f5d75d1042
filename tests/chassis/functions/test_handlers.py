from pathlib import Path

import pytest

from bootstrap.manifests import Process, manifests
from chassis.core.errors import Misconfigured
from chassis.functions import sweeps
from chassis.functions.handlers import MAKERS, from_env
from tests.fakes import Invocation

PROCESSES = [process for manifest in manifests() for process in manifest.process]
AWS = {"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "SHOP_NAME": "shop", "SHOP_AUTH": "off"}


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_every_process_of_a_manifest_has_a_handler(
    process: Process, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    assert callable(from_env({**AWS, "SHOP_FUNCTION": process.module}))


def test_web_function_answers_the_health_check(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = from_env({**AWS, "SHOP_FUNCTION": "services.storefront.app"})
    event = {
        "version": "2.0",
        "rawPath": "/health/live",
        "rawQueryString": "",
        "headers": {},
        "requestContext": {"http": {"method": "GET", "sourceIp": "192.0.2.7", "protocol": "HTTP/1.1"}},
        "isBase64Encoded": False,
    }
    assert handle(event, Invocation())["statusCode"] == 200


def test_process_publishes_before_its_response(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda freezes a function after its response, with all its threads."""
    (tmp_path / "sample_process").mkdir()
    (tmp_path / "sample_process" / "relay.py").write_text("from_env = dict")
    monkeypatch.syspath_prepend(tmp_path)
    built: list[object] = []
    monkeypatch.setattr(sweeps, "handler", built.append)
    from_env({"SHOP_FUNCTION": "sample_process.relay"})
    assert built == [{"SHOP_FUNCTION": "sample_process.relay", "SHOP_BACKGROUND": "off"}]


def test_secret_setting_is_read_by_its_arn_and_is_not_in_the_environment() -> None:
    env = {**AWS, "SHOP_FUNCTION": "services.storefront.app", "SHOP_SESSION_KEY_SECRET": "arn:aws:secretsmanager:1"}
    asked: list[str] = []

    def read(arn: str) -> str:
        asked.append(arn)
        return "too short"

    with pytest.raises(Misconfigured, match="SHOP_SESSION_KEY is too short"):
        from_env(env, read)
    assert asked == ["arn:aws:secretsmanager:1"]
    assert "SHOP_SESSION_KEY" not in env


@pytest.mark.parametrize("module", ["", "services.product.seed", "services.product.service"])
def test_module_that_is_no_process_is_refused(module: str) -> None:
    with pytest.raises(Misconfigured, match="SHOP_FUNCTION is"):
        from_env({"SHOP_FUNCTION": module})


def test_every_kind_of_entry_point_is_known() -> None:
    assert {process.module.rpartition(".")[2] for process in PROCESSES} == {*MAKERS}
