"""What `up` checks first. On AWS, a deletion cannot be undone."""

import dataclasses
from pathlib import Path

import pytest

from bootstrap import commands
from bootstrap.checks import checked
from bootstrap.context import Context
from bootstrap.engines import ENGINES
from bootstrap.errors import Failed, Misused
from bootstrap.manifests import manifests
from bootstrap.templates import ROOT
from tests.bootstrap.fakes import FakeCloudFormation, context

DIGEST = "sha256:" + "a" * 64


def forced(cloudformation: FakeCloudFormation, engine: str, *services: str, **of_run: str) -> Context:
    given = context(cloudformation, ROOT, *services, force=True, really_aws=True)
    return dataclasses.replace(given, engine=ENGINES[engine], of_run=of_run)


def test_up_force_of_containers_without_an_image_deletes_nothing(live: FakeCloudFormation) -> None:
    with pytest.raises(Failed, match="shop-basket-run needs the image of basket"):
        commands.up(forced(live, "fargate", "basket-run"))
    assert "delete" not in live.called


def test_up_force_of_containers_keeps_the_image_that_runs(live: FakeCloudFormation) -> None:
    live.parameters = {"Image": "registry.test/basket@sha256:1", "Architecture": "X86_64"}
    given = forced(live, "fargate", Architecture="ARM64")
    [basket] = [it for it in given.runs(ENGINES["fargate"]) if it.service == "basket-run"]
    [found] = checked(given, [basket], [basket])
    assert (found.settings["Image"], found.settings["Architecture"]) == ("registry.test/basket@sha256:1", "X86_64")


def test_up_force_of_the_network_does_not_delete_the_images_that_it_needs(live: FakeCloudFormation) -> None:
    images = {f"ImageOf{it.service}": f"registry.test/shop/basket@{DIGEST}" for it in manifests()}
    live.held, live.kind = ["shop/basket"], "AWS::ECR::Repository"
    elsewhere = forced(live, "fargate", **images)
    runs = elsewhere.runs(ENGINES["fargate"])
    assert len(checked(elsewhere, runs, runs)) == len(runs)
    images["ImageOfbasket"] = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/basket@{DIGEST}"
    with pytest.raises(Misused, match="would delete shop-network with the images that shop-basket-run need"):
        commands.up(forced(live, "fargate", **images))
    assert "delete" not in live.called


def test_up_force_of_functions_without_their_zip_deletes_nothing(live: FakeCloudFormation, tmp_path: Path) -> None:
    with pytest.raises(Misused, match="there is no zip of product"):
        commands.up(forced(live, "lambda", Zips=str(tmp_path)))
    assert "delete" not in live.called


def test_up_force_with_a_template_that_cannot_be_read_deletes_nothing(live: FakeCloudFormation, root: Path) -> None:
    (root / "services" / "ordering" / "template.yaml").write_text("Resources: [")
    with pytest.raises(Misused, match="is not a CloudFormation template"):
        commands.up(context(live, root, force=True, really_aws=True))
    assert "delete" not in live.called


def test_up_force_without_the_platform_deletes_nothing(live: FakeCloudFormation, root: Path) -> None:
    live.status = "DELETE_FAILED"
    with pytest.raises(Failed, match="shop-platform is DELETE_FAILED, and the services need it"):
        commands.up(context(live, root, "ordering", force=True, really_aws=True))
    assert "delete" not in live.called
