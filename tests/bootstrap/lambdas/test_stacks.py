"""The order of the stacks, the code and the addresses that each needs, and where there are no functions."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.errors import Failed, Misused
from bootstrap.lambdas import completed, refusal, templates
from bootstrap.lambdas.stacks import delete_old_code, empty
from bootstrap.names import Names
from bootstrap.templates import ROOT, Template
from tests.bootstrap.fakes import aws_of, client_error

NAMES = Names("shop")
NOW = datetime(2026, 11, 27, tzinfo=UTC)
URL = "https://abc.lambda-url.eu-west-1.on.aws/"


class FakeAws:
    """Stacks by their names, each with its outputs, and a bucket."""

    meta = SimpleNamespace(endpoint_url="https://cloudformation.eu-west-1.amazonaws.com")

    def __init__(self, stacks: Mapping[str, Mapping[str, str]], status: str = "CREATE_COMPLETE") -> None:
        self._stacks, self._status = stacks, status
        self.objects: dict[str, bytes] = {}
        self.ages: dict[str, timedelta] = {}

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 boto3's name
        if StackName not in self._stacks:
            raise client_error("ValidationError", f"Stack with id {StackName} does not exist")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self._stacks[StackName].items()]
        return {"Stacks": [{"StackName": StackName, "StackStatus": self._status, "Outputs": outputs}]}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803 boto3's names
        assert Bucket == "code"
        self.objects[Key] = Body

    def get_paginator(self, _: str) -> Any:
        return self

    def paginate(self, *, Bucket: str, Prefix: str = "") -> Any:  # noqa: N803 boto3's names
        assert Bucket == "code"
        found = {key: NOW - self.ages.get(key, timedelta()) for key in self.objects if key.startswith(Prefix)}
        return [{"Contents": [{"Key": key, "LastModified": when}]} for key, when in found.items()] or [{}]

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803 boto3's names
        del self.objects[Key]


@pytest.fixture
def aws() -> FakeAws:
    urls = {f"shop-{service}-functions": {"Url": URL} for service in ("product", "ordering")}
    return FakeAws({"shop-functions": {"CodeBucket": "code"}, **urls})


def zip_of(folder: Path, name: str, code: bytes = b"code") -> Template:
    (folder / name).write_bytes(code)
    service = name.partition("-")[0]
    [found] = [it for it in templates(NAMES, ROOT, {"Zips": str(folder)}) if it.service == f"{service}-functions"]
    return found


def deployed(aws: FakeAws, template: Template, *, emulator: bool = False) -> Mapping[str, str]:
    return completed(aws_of(aws, region="eu-west-1", emulator=emulator), template).parameters()


def test_bucket_comes_first_and_a_service_after_those_whose_addresses_it_needs() -> None:
    first, *others = [template.service for template in templates(NAMES, ROOT, {})]
    assert first == "functions"
    assert {*others} == {path.parent.name + "-functions" for path in ROOT.glob("services/*/service.toml")}
    assert others.index("basket-functions") > others.index("product-functions")
    assert others.index("basket-functions") > others.index("ordering-functions")
    assert others[-1] == "storefront-functions"


def test_a_service_gets_its_code_and_the_addresses_of_others(aws: FakeAws, tmp_path: Path) -> None:
    found = deployed(aws, zip_of(tmp_path, "basket-x86_64.zip"))
    assert (found["CodeBucket"], found["Architecture"]) == ("code", "x86_64")
    assert aws.objects == {found["CodeKey"]: b"code"}
    assert found["ProductUrl"] == found["OrderingUrl"] == URL.rstrip("/")


def test_other_code_is_another_key_and_equal_code_the_same(aws: FakeAws, tmp_path: Path) -> None:
    keys = [deployed(aws, zip_of(tmp_path, "product-arm64.zip", code))["CodeKey"] for code in (b"1", b"2", b"1")]
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]


def test_emulator_takes_the_zip_for_its_own_python_and_aws_never_does(aws: FakeAws, tmp_path: Path) -> None:
    template = zip_of(tmp_path, "product-here.zip")
    assert deployed(aws, template, emulator=True)["CodeKey"].startswith("product-here-")
    with pytest.raises(Misused, match=r"there is no zip of product in .*: `\.venv/bin/shop package` makes one"):
        deployed(aws, template)
    (tmp_path / "product-here.zip").unlink()
    zip_of(tmp_path, "product-arm64.zip")
    with pytest.raises(Misused, match=r"`\.venv/bin/shop package --for here` makes one"):
        deployed(aws, template, emulator=True)


@pytest.mark.parametrize("newest", ["arm64", "x86_64"])
def test_newest_zip_is_deployed_whatever_its_processor(newest: str, aws: FakeAws, tmp_path: Path) -> None:
    template = zip_of(tmp_path, "product-arm64.zip")
    zip_of(tmp_path, "product-x86_64.zip")
    for number, name in enumerate(sorted(("arm64", "x86_64"), key=lambda it: it == newest)):
        os.utime(tmp_path / f"product-{name}.zip", (number, number))
    assert deployed(aws, template)["Architecture"] == newest


@pytest.mark.parametrize(
    ("there", "missing"),
    [({}, "functions"), ({"shop-functions": {"CodeBucket": "code"}}, "product-functions")],
)
def test_the_stack_that_comes_first_is_named(there: Any, missing: str, tmp_path: Path) -> None:
    with pytest.raises(Failed, match=rf"shop-{missing} comes first: .* up {missing} --run lambda"):
        deployed(FakeAws(there), zip_of(tmp_path, "basket-arm64.zip"))


def test_address_of_a_stack_that_failed_is_not_used(tmp_path: Path) -> None:
    failed = FakeAws({"shop-functions": {"CodeBucket": "code"}}, status="ROLLBACK_COMPLETE")
    with pytest.raises(Failed, match="shop-functions comes first"):
        deployed(failed, zip_of(tmp_path, "product-arm64.zip"))


def test_old_zips_of_a_service_are_deleted_after_its_deployment(aws: FakeAws, tmp_path: Path) -> None:
    """One of the last hour may belong to a deployment that is under way."""
    names = ("product-arm64-1.zip", "product-here-2.zip", "product-arm64-3.zip", "stock-arm64-1.zip")
    aws.objects = dict.fromkeys(names, b"")
    aws.ages = dict.fromkeys(names, timedelta(hours=2)) | {"product-arm64-3.zip": timedelta(minutes=59)}
    used = completed(aws_of(aws, emulator=False), zip_of(tmp_path, "product-arm64.zip"))
    delete_old_code(aws_of(aws), used)
    assert {*aws.objects} == {"product-arm64-3.zip", "stock-arm64-1.zip", used.parameters()["CodeKey"]}


def test_deployment_without_functions_deletes_no_zip(aws: FakeAws) -> None:
    aws.objects = {"product-arm64-1.zip": b""}
    delete_old_code(aws_of(aws), templates(NAMES, ROOT, {})[0])
    assert {*aws.objects} == {"product-arm64-1.zip"}


def test_bucket_is_emptied(aws: FakeAws) -> None:
    aws.objects = {"a": b"", "b": b""}
    empty(aws_of(aws), "code")
    assert aws.objects == {}
    empty(aws_of(aws), "code")


@pytest.mark.integration
@pytest.mark.ministack
def test_emulator_of_make_run_gets_no_functions(emulator_url: str) -> None:
    there = SimpleNamespace(meta=SimpleNamespace(endpoint_url=emulator_url))
    assert "runs no functions" in str(refusal(aws_of(there), NAMES))
    assert refusal(aws_of(there, emulator=False), NAMES) is None
