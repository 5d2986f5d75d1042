"""Pushes of images, with a Docker and an ECR that only record what they are asked."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bootstrap.errors import Failed
from bootstrap.fargate import settings
from shop.images.builder import Builder
from shop.images.builder import run as really_run
from shop.images.push import push
from tests.bootstrap.fakes import client_error

DIGEST = f"sha256:{'a' * 64}"
BUILDKIT = "Name: many\nDriver: docker-container\nPlatforms: linux/amd64*, linux/arm64, linux/386\n"
DOCKER = "Name: default\nDriver: docker\nPlatforms: linux/amd64, linux/arm64\n"
REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


@dataclass
class FakeDocker:
    """Answers `buildx inspect` as given, and writes the digest of each build where it was asked to."""

    inspected: str = BUILDKIT
    own: str = "linux/amd64"
    asked: list[tuple[Sequence[str], str]] = field(default_factory=list)

    def __call__(self, command: Sequence[str], given: str) -> str:
        self.asked.append((command, given))
        if "--metadata-file" in command:
            told = Path(command[command.index("--metadata-file") + 1])
            told.write_text(json.dumps({"containerimage.digest": DIGEST}))
        return {"inspect": self.inspected, "--format": self.own}.get(command[2], "")

    @property
    def builds(self) -> list[Sequence[str]]:
        return [command for command, _ in self.asked if command[2] == "build"]


class FakeEcr:
    def __init__(self, *, empty: bool = False) -> None:
        self._empty = empty

    def describe_repositories(self, repositoryNames: list[str]) -> Any:  # noqa: N803 boto3's name
        if self._empty:
            raise client_error("RepositoryNotFoundException")
        return {"repositories": [{"repositoryName": it, "repositoryUri": f"{REGISTRY}/{it}"} for it in repositoryNames]}

    def get_authorization_token(self) -> Any:
        token = base64.b64encode(b"AWS:word:pass").decode()
        return {"authorizationData": [{"authorizationToken": token, "proxyEndpoint": f"https://{REGISTRY}"}]}


def pushed(docker: FakeDocker, said: list[str]) -> list[str]:
    return [*push(FakeEcr(), Builder(Path("/clone"), docker), "shop", ["product", "basket"], said.append)]


def test_each_service_is_built_for_both_architectures_and_named_by_its_digest() -> None:
    docker, said = FakeDocker(), list[str]()
    images, architecture = pushed(docker, said)
    words = [f"{it}={REGISTRY}/shop/{it}@{DIGEST}" for it in ("product", "basket")]
    assert images == f"export SHOP_IMAGES='{' '.join(words)}'"
    assert architecture == "export SHOP_ARCHITECTURE=ARM64"
    assert [command[4] for command in docker.builds] == ["linux/arm64,linux/amd64"] * 2
    assert all({"--push", "SERVICE=product"} <= {*command} for command in docker.builds[:1])
    assert said[-1] == "Next, after these settings: python -m bootstrap up --run fargate"


def test_what_is_printed_are_settings_that_the_deployment_takes() -> None:
    lines = pushed(FakeDocker(), [])
    env = dict(line.removeprefix("export ").replace("'", "").split("=", 1) for line in lines)
    found = settings(env | {"SHOP_RUN_CERTIFICATE": "none", "SHOP_AUTH": "off"})
    assert found["ImageOfbasket"] == f"{REGISTRY}/shop/basket@{DIGEST}"


def test_a_builder_for_one_architecture_says_so_and_the_deployment_uses_that() -> None:
    docker, said = FakeDocker(DOCKER), list[str]()
    assert pushed(docker, said)[1] == "export SHOP_ARCHITECTURE=X86_64"
    assert "This builder cannot build for linux/arm64 too" in said[0]
    assert [command[4] for command in docker.builds] == ["linux/amd64"] * 2


def test_a_builder_for_none_of_both_is_refused() -> None:
    with pytest.raises(Failed, match="builds neither for linux/arm64 nor for linux/amd64"):
        Builder(Path(), FakeDocker(DOCKER, own="linux/riscv64"))


def test_password_of_the_registry_is_no_argument_that_others_could_see() -> None:
    docker = FakeDocker()
    pushed(docker, [])
    [(command, given)] = [(command, given) for command, given in docker.asked if command[1] == "login"]
    assert (command[-1], given) == (REGISTRY, "word:pass")
    assert "word:pass" not in command


def test_repositories_that_do_not_exist_yet_are_one_clear_line() -> None:
    with pytest.raises(Failed, match="`SHOP_NAME=shop python -m bootstrap up network --run fargate` makes them"):
        next(push(FakeEcr(empty=True), Builder(Path(), FakeDocker()), "shop", ["product"], print))


def test_a_docker_that_fails_or_is_missing_is_one_clear_line() -> None:
    with pytest.raises(Failed, match="`false a b` failed with exit code 1"):
        really_run(["false", "a", "b", "c"])
    with pytest.raises(Failed, match="There is no no-such-docker: install Docker"):
        really_run(["no-such-docker"])
