"""The order of the stacks, what each needs of those before, and where there are none."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.__main__ import main
from bootstrap.aws import Aws
from bootstrap.errors import Failed
from bootstrap.fargate import completed, refusal, templates
from bootstrap.names import Names
from bootstrap.templates import ROOT, Template
from tests.bootstrap.fakes import aws_of, client_error
from tests.emulators import ministack, new_account

NAMES = Names("shop")
DIGEST = "sha256:" + "a" * 64
OUTPUTS = {"Vpc": "vpc-1", "Cidr": "10.3.0.0/16", "Subnets": "subnet-1,subnet-2", "Address": "http://shop.test"}
NEEDED = ("ec2", "ecr", "ecs", "elasticloadbalancing", "logs", "secretsmanager", "servicediscovery")
SETTINGS = {"SHOP_RUN_CERTIFICATE": "none", "SHOP_AUTH": "off"}
SERVICES = ("product", "basket", "ordering", "stock", "payment", "storefront")
IMAGES = " ".join(f"{it}=registry.test/{it}@{DIGEST}" for it in SERVICES)


class FakeStacks:
    """Stacks by their names, each with its status, outputs and parameters."""

    meta = SimpleNamespace(endpoint_url="https://cloudformation.eu-west-1.amazonaws.com")

    def __init__(self, **stacks: Mapping[str, Any]) -> None:
        self._stacks = stacks

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 boto3's name
        its = self._stacks.get(StackName.replace("-", "_"))
        if its is None:
            raise client_error("ValidationError", f"Stack with id {StackName} does not exist")
        return {"Stacks": [{"StackName": StackName, "StackStatus": "CREATE_COMPLETE"} | dict(its)]}


def network(**more: str) -> Mapping[str, Any]:
    return {"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in OUTPUTS.items()], **more}


def run_of(service: str, **settings: str) -> Template:
    [found] = [it for it in templates(NAMES, ROOT, settings) if it.service == f"{service}-run"]
    return found


def on(stacks: FakeStacks) -> Aws:
    return aws_of(stacks, region="eu-west-1", emulator=False)


def test_network_comes_first_and_a_service_after_those_that_it_calls() -> None:
    found = [template.stack for template in templates(NAMES, ROOT, {})]
    assert found == ["shop-network", *(f"shop-{service}-run" for service in SERVICES)]


def test_a_service_gets_the_outputs_of_the_network_and_its_own_image() -> None:
    template = run_of("basket", ImageOfbasket=f"r/basket@{DIGEST}", ImageOfproduct="other", Auth="off")
    found = completed(on(FakeStacks(shop_network=network())), template).parameters()
    assert found == {**OUTPUTS, "Image": f"r/basket@{DIGEST}", "Auth": "off", "Shop": "shop"}


def test_without_another_image_the_one_that_runs_stays_and_with_it_its_architecture() -> None:
    """The default is ARM64, on which an image for X86_64 does not start."""
    known = {"Image": f"r/basket@{DIGEST}", "Architecture": "X86_64", "WebTasks": "7"}
    running = {"Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in known.items()]}
    stacks = on(FakeStacks(shop_network=network(), shop_basket_run=running))
    found = completed(stacks, run_of("basket", Architecture="ARM64", WebTasks="2")).parameters()
    assert (found["Image"], found["Architecture"], found["WebTasks"]) == (f"r/basket@{DIGEST}", "X86_64", "2")
    other = completed(stacks, run_of("basket", Architecture="ARM64", ImageOfbasket="other")).parameters()
    assert (other["Image"], other["Architecture"]) == ("other", "ARM64")


def test_without_any_image_the_command_that_pushes_it_is_named() -> None:
    with pytest.raises(Failed, match=r'needs the image of basket: run eval "\$\(\.venv/bin/shop image push\)"'):
        completed(on(FakeStacks(shop_network=network())), run_of("basket"))


FAILED = {"shop_network": network(StackStatus="ROLLBACK_COMPLETE")}


@pytest.mark.parametrize("stacks", [{}, FAILED], ids=["none", "failed"])
def test_without_a_network_the_command_that_creates_it_is_named(stacks: Any) -> None:
    expected = "shop-network comes first: SHOP_NAME=shop python -m bootstrap up network --run fargate"
    with pytest.raises(Failed, match=expected):
        completed(on(FakeStacks(**stacks)), run_of("basket"))


def test_a_name_that_no_repository_can_have_is_refused() -> None:
    aws = on(FakeStacks())
    assert "the names of image repositories have no capitals" in str(refusal(aws, Names("Shop")))
    assert refusal(aws, NAMES) is None


@pytest.mark.integration
@pytest.mark.ministack
def test_an_emulator_without_ecs_is_refused(aws_env: Mapping[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["up", "--run", "fargate"], {**aws_env, **SETTINGS}) == 2
    assert "--run fargate: this emulator runs no containers. `make up` starts" in capsys.readouterr().err


@contextmanager
def with_ecs(logs: Path) -> Iterator[Mapping[str, str]]:
    with ministack(logs, *NEEDED) as url:
        account = {"AWS_ACCESS_KEY_ID": new_account(), "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
        yield {"AWS_ENDPOINT_URL": url, "SHOP_NAME": "shop", **account, **SETTINGS}


@pytest.mark.integration
@pytest.mark.ministack
def test_containers_are_deployed_after_the_network_and_deleted_without_the_data(
    aws_env: Mapping[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """MiniStack makes what the templates describe. It starts no container."""
    runs = [f"{service}-run" for service in SERVICES]
    with with_ecs(tmp_path) as env:
        assert main(["plan", "basket-run", "--run", "fargate"], env) == 0
        assert "shop-basket-run: not planned yet. shop-network comes first" in capsys.readouterr().out
        assert main(["up", "platform", "network", "product-run", "--run", "fargate"], env) == 1
        assert "error: shop-product-run needs the image of product" in capsys.readouterr().err
        assert main(["status"], env) == 1
        assert "error: there is no shop" in capsys.readouterr().err
        assert main(["up", "platform", "network", "--run", "fargate"], env) == 0
        capsys.readouterr()
        assert main(["up", *runs, "--run", "fargate"], {**env, "SHOP_IMAGES": IMAGES}) == 0
        created = [f"shop-{run}: CREATE_COMPLETE" for run in runs]
        assert capsys.readouterr().out.splitlines()[: len(runs)] == created
        assert main(["plan", "network", "basket-run", "--run", "fargate"], env) == 0
        assert "no changes: shop-network, shop-basket-run is up to date" in capsys.readouterr().out
        assert main(["up", "basket-run", "--run", "fargate", "--force"], env) == 0
        assert "shop-basket-run: CREATE_COMPLETE" in capsys.readouterr().out
        assert main(["down", "network"], env) == 2
        assert "refused: shop-product-run, shop-basket-run, " in capsys.readouterr().err
        assert main(["down", "--run", "fargate"], env) == 0
        deleted = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
        assert deleted == [f"shop-{it}" for it in (*reversed(runs), "network")]
        assert main(["plan", "platform"], env) == 0
        assert "no changes: shop-platform is up to date" in capsys.readouterr().out
