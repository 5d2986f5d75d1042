"""The arguments of `shop order`, and the links that it prints on AWS."""

import os
from collections.abc import Mapping
from pathlib import Path

import jwt
import pytest

from shop import cli
from shop.order.commands import _client_of, _links
from shop.order.executions import Execution
from tests.shop.order.histories import PLACED
from tests.shops import free_ports


def run(*arguments: str, **env: str) -> int:
    return cli.main(["order", *arguments], env)


@pytest.mark.parametrize("wrong", ["", "a b", "a/b", "a" * 65])
def test_what_cannot_be_an_id_is_refused_before_anything_is_asked(
    wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(wrong) == 2
    assert "is not an order's id, which has 1 to 64 letters, digits, _ or -." in capsys.readouterr().err


def test_on_aws_the_addresses_of_the_services_must_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("o1", "--aws", ORDERING_URL="https://shop.example") == 2
    assert "Set ORDERING_URL and PAYMENT_URL to the addresses" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws", "eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
    ],
)
def test_an_execution_on_aws_has_a_page_in_the_console_of_its_region(partition: str, region: str, host: str) -> None:
    arn = f"arn:{partition}:states:{region}:123456789012:execution:shopwire-fulfil-order:o1-1"
    execution = Execution(1, arn, "RUNNING", PLACED, None, "ann", ())
    assert list(_links([execution])) == [
        f"https://{host}/states/home?region={region}#/v2/executions/details/{arn}",
    ]


def test_a_token_of_the_user_is_signed_here(tmp_path: Path) -> None:
    signed = used_token({"SHOP_VAR": str(tmp_path)}, aws=False)
    assert jwt.decode(signed, options={"verify_signature": False})["username"] == "ann"


@pytest.mark.parametrize("aws", [False, True])
def test_a_given_token_is_used_instead(tmp_path: Path, *, aws: bool) -> None:
    assert used_token({"SHOP_VAR": str(tmp_path), "SHOP_TOKEN": "given"}, aws=aws) == "given"


def test_nothing_is_signed_for_aws(tmp_path: Path) -> None:
    assert used_token({"SHOP_VAR": str(tmp_path)}, aws=True) == ""


def used_token(env: Mapping[str, str], *, aws: bool) -> str:
    return _client_of(env, lambda _: None, aws=aws)("ann").token


def test_without_an_emulator_it_says_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    its = free_ports() | {"SHOP_VAR": str(tmp_path)}
    for name, value in its.items():
        monkeypatch.setitem(os.environ, name, value)
    assert run("o1", **its) == 1
    assert "`make run` or `make up` starts one" in capsys.readouterr().err
