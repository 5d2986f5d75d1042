"""Settings of the shell in Compose, and other clones on the same engine."""

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from bootstrap.manifests import processes
from tests.e2e.compose import PROJECT, SERVICES, WEB, Compose
from tests.environment import MAKE, ROOT

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]
OURS = [*SERVICES, "bootstrap", "seed"]
CALL_AWS = [name for name in OURS if name not in {process.name for process in processes() if process.pages}]
EMPTY = dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "")
REAL = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "s" * 40}


def configured(shop: Compose, **env: str) -> Mapping[str, Any]:
    services: Mapping[str, Any] = json.loads(shop("config", "--format", "json", **env))["services"]
    return services


def make(target: str, env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*MAKE, target], cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_region_from_either_variable_reaches_every_container_that_calls_aws(shop: Compose) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        services = configured(shop, **EMPTY | {name: "eu-west-1"})
        assert {services[one]["environment"]["AWS_REGION"] for one in CALL_AWS} == {"eu-west-1"}


def test_default_region_is_used_if_only_it_is_set(shop: Compose) -> None:
    said = shop.refusal("run", "--rm", "--no-deps", "bootstrap", "status", AWS_DEFAULT_REGION="eu-west-1")
    assert "there is no shopwire at http://localstack:4566 (an emulator), region eu-west-1" in said


def test_empty_settings_keep_the_placeholder_credentials_and_region(shop: Compose) -> None:
    said = shop("run", "--rm", "--no-deps", "bootstrap", "status", **EMPTY)
    assert "(an emulator), region us-east-1" in said
    assert "seed: 0 products added" in shop("run", "--rm", "--no-deps", "seed", **EMPTY)


@pytest.mark.parametrize(
    ("service", "command"), [("bootstrap", ["up"]), ("seed", []), ("basket-relay", []), ("ordering", [])]
)
def test_placeholder_credentials_are_rejected_before_a_call_to_aws(
    shop: Compose, service: str, command: list[str]
) -> None:
    aws = EMPTY | {"AWS_ENDPOINT_URL": "", "AWS_REGION": "eu-west-1", "SHOP_AUTH": "off"}
    said = shop.refusal("run", "--rm", "--no-deps", service, *command, **aws)
    assert "The AWS credentials are placeholders for an emulator, but the endpoint is AWS. Set" in said


def test_aws_has_no_default_region(shop: Compose) -> None:
    aws = EMPTY | REAL | {"AWS_ENDPOINT_URL": "", "SHOP_AUTH": "off"}
    said = shop.refusal("run", "--rm", "--no-deps", "bootstrap", "up", **aws)
    assert "error: no AWS region: set AWS_REGION" in said


def test_containers_get_the_proxies_of_docker_and_bypass_them_for_the_shop(shop: Compose) -> None:
    """The shop of these tests runs with unreachable proxies."""
    env = shop("exec", "-T", "basket", "env").splitlines()
    assert [line for line in env if line.startswith("HTTP_PROXY=http://127.0.0.1:")]
    past = next(line.partition("=")[2].split(",") for line in env if line.startswith("NO_PROXY="))
    assert {"localstack", *WEB, "localhost", "127.0.0.1"} <= set(past)


def test_proxy_exceptions_of_the_shell_are_kept(shop: Compose) -> None:
    services = configured(shop, NO_PROXY="corp.example", no_proxy="10.0.0.1")
    for one in (*OURS, "localstack"):
        env = services[one]["environment"]
        assert env["NO_PROXY"] == env["no_proxy"]
        assert env["NO_PROXY"].split(",")[-2:] == ["corp.example", "10.0.0.1"]


def test_another_project_has_its_own_images(shop: Compose) -> None:
    def images(project: str) -> set[str]:
        command = ("docker", "compose", "--env-file", "/dev/null", "--project-name", project, "config", "--images")
        return set(shop.run(*command).split())

    common = images("one") & images("two")
    assert {image.rpartition("/")[2].partition(":")[0] for image in common} == {"localstack"}


@pytest.mark.parametrize("target", ["up", "down"])
def test_make_does_not_touch_containers_of_another_clone(shop: Compose, target: str) -> None:
    before = shop.of_each(lambda state: state["State"]["StartedAt"])
    done = make(target, shop.env | {"COMPOSE_PROJECT_NAME": PROJECT})
    assert done.returncode == 2, done.stdout + done.stderr
    assert f"The containers of project {PROJECT} belong to the clone in {shop.clone}." in done.stdout
    assert "Set another COMPOSE_PROJECT_NAME" in done.stdout
    assert shop.of_each(lambda state: state["State"]["StartedAt"]) == before
