"""The zips for Lambda: equal code makes equal zips, and each has only what its functions need."""

import os
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from bootstrap.errors import Failed
from bootstrap.manifests import manifests
from shop.package import zips
from tests.environment import ROOT


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """As uv installs them."""
    files = ["flask/app.py", "flask/__pycache__/app.pyc", "bin/flask", ".lock", "botocore/data/endpoints.json"]
    files += [f"botocore/data/{service}/1/service-2.json.gz" for service in ("sqs", "ec2")]
    for name in files:
        path = tmp_path / "packages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "packages"


def made(folder: Path, shared: Mapping[str, Path]) -> dict[str, bytes]:
    """The zips by their names."""
    folder.mkdir()
    return {found.path.name: found.path.read_bytes() for found in zips._zips(folder, "arm64", shared)}


def test_equal_code_makes_equal_zips(tmp_path: Path, packages: Path) -> None:
    first = made(tmp_path / "first", dict(zips._files(packages)))
    for path in packages.rglob("*.py"):
        os.utime(path, (0, 1_000_000_000))
        path.chmod(0o600)
    assert made(tmp_path / "second", dict(zips._files(packages))) == first
    (packages / "flask" / "app.py").write_text("other")
    assert made(tmp_path / "third", dict(zips._files(packages))) != first


def test_zip_has_the_shared_files_and_one_service_and_no_manifest(tmp_path: Path, packages: Path) -> None:
    made(tmp_path / "zips", dict(zips._files(packages)))
    for manifest in manifests():
        with zipfile.ZipFile(tmp_path / "zips" / f"{manifest.service}-arm64.zip") as archive:
            names = archive.namelist()
            assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o644}
        assert {name.split("/")[1] for name in names if name.startswith("services/")} == {manifest.service}
        assert f"services/{manifest.service}/wiring.py" in names
        assert [name for name in names if name.endswith((".toml", ".yaml", ".pyc"))] == []
        assert "flask/app.py" in names
    assert sorted(path.suffix for path in (tmp_path / "zips").iterdir()) == [".zip"] * len(manifests())


def test_only_the_files_that_a_function_needs_are_taken(packages: Path) -> None:
    names = [name for name, _ in zips._files(packages)]
    assert names == ["botocore/data/endpoints.json", "botocore/data/sqs/1/service-2.json.gz", "flask/app.py"]


@pytest.mark.parametrize(("pruned", "has_boto3"), [(zips.PRUNED, True), ((*zips.PRUNED, *zips.BOTO3), False)])
def test_boto3_may_be_left_out_and_urllib3_never_is(pruned: tuple[str, ...], *, has_boto3: bool) -> None:
    command = [str(zips.UV), "export", "--frozen", "--only-group", "services", "--only-group", "functions", *pruned]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    names = {line.partition("==")[0] for line in done.stdout.splitlines() if "==" in line}
    assert {"flask", "urllib3", "apig-wsgi"} <= names
    assert ("boto3" in names, "botocore" in names) == (has_boto3, has_boto3)
    assert "pyyaml" not in names


def test_a_failure_of_uv_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="uv pip failed: error"):
        zips._uv(os.environ, "pip", "install", "--requirements", str(tmp_path / "none.txt"))


def test_a_service_that_lambda_cannot_unpack_is_refused(
    tmp_path: Path, packages: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zips, "LARGEST", 10)
    with pytest.raises(Failed, match=r"product has [0-9,]+ bytes, but Lambda takes at most 10"):
        made(tmp_path / "zips", dict(zips._files(packages)))
