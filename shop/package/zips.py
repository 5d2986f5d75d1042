"""`shop package`: a zip for each service, from which Lambda runs its processes. Equal code makes an equal zip."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

from bootstrap.errors import Failed
from bootstrap.manifests import manifests
from shop.emulator import ministack
from shop.settings import ROOT

UV = Path(sys.executable).with_name("uv")
PYTHON = "3.13"  # `Runtime` in the templates
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
HERE = "here"  # instead of a machine: for MiniStack, which runs functions in its own Python
AMAZON_LINUX_2023 = "manylinux_2_34"
PRUNED = ("--prune", "pyyaml")  # nothing in a function reads YAML
BOTO3 = ("--prune", "boto3")  # Lambda's Python has some version
SDK = "botocore/data"
# By the services and by chassis/functions. The models of all others are two thirds of botocore.
CALLED = ("dynamodb", "events", "secretsmanager", "sqs", "stepfunctions")
UNUSED = {"__pycache__", "bin", "template.yaml", "service.toml", ".lock"}
EPOCH = (1980, 1, 1, 0, 0, 0)
READABLE = 0o644  # Lambda runs the code as another user
LARGEST = 250_000_000  # bytes unpacked ("Lambda quotas")


class Zip(NamedTuple):
    """`bytes` of the file, and `unpacked` ones of what is in it."""

    path: Path
    bytes: int
    unpacked: int


def package(folder: Path, machine: str, env: Mapping[str, str], *, with_boto3: bool) -> list[Zip]:
    """Writes the zips of all services into `folder`. Raises Failed."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as packages:
        _install(Path(packages), machine, env, with_boto3=with_boto3 or machine == HERE)
        shared = dict(_files(Path(packages))) | {f"chassis/{name}": path for name, path in _files(ROOT / "chassis")}
        return [*_zips(folder, machine, shared)]


def _install(target: Path, machine: str, env: Mapping[str, str], *, with_boto3: bool) -> None:
    """The packages of the lock file, by their hashes. None is compiled, so any machine makes zips for any other."""
    requirements = target / "requirements.txt"
    pruned = [*PRUNED, *([] if with_boto3 else BOTO3)]
    groups = ["--only-group", "services", "--only-group", "functions"]
    _uv(env, "export", "--frozen", *groups, *pruned, "--output-file", str(requirements))
    where = ["--python", str(ministack.PYTHON)]
    if machine != HERE:
        where = ["--python-version", PYTHON, "--python-platform", f"{MACHINES[machine]}-{AMAZON_LINUX_2023}"]
    options = ["--target", str(target), "--only-binary", ":all:", "--require-hashes", "--link-mode", "copy"]
    _uv(env, "pip", "install", *options, *where, "--requirements", str(requirements))
    requirements.unlink()


def _uv(env: Mapping[str, str], *arguments: str) -> None:
    command = [str(UV), *arguments, "--quiet"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)  # noqa: S603 our own
    if done.returncode:
        raise Failed(f"uv {arguments[0]} failed: {done.stderr.strip()}")


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Those that a function needs, by their names in the zip."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not UNUSED & {*name.parts} and not _is_of_another_service(name.as_posix()):
            yield name.as_posix(), path


def _is_of_another_service(name: str) -> bool:
    rest = name.removeprefix(f"{SDK}/")
    return rest != name and "/" in rest and rest.partition("/")[0] not in CALLED


def _zips(folder: Path, machine: str, shared: Mapping[str, Path]) -> Iterator[Zip]:
    """What all services share is compressed once, in the first zip, of which the others are copies."""
    base = folder / "shared.draft"
    unpacked = _add(base, shared, "w")
    for manifest in manifests():
        draft = folder / f"{manifest.service}.draft"
        shutil.copyfile(base, draft)
        own = dict(_files(ROOT / "services" / manifest.service))
        size = unpacked + _add(draft, {f"services/{manifest.service}/{name}": path for name, path in own.items()}, "a")
        if size > LARGEST:
            raise Failed(f"{manifest.service} has {size:,} bytes, but Lambda takes at most {LARGEST:,}")
        target = draft.rename(folder / f"{manifest.service}-{machine}.zip")
        yield Zip(target, target.stat().st_size, size)
    base.unlink()


def _add(archive: Path, files: Mapping[str, Path], mode: Literal["w", "a"]) -> int:
    """Returns how many bytes the files have unpacked. Dates, owners and modes of files are not kept."""
    with zipfile.ZipFile(archive, mode) as opened:
        for name, path in files.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, READABLE << 16
            opened.writestr(entry, path.read_bytes())
    return sum(path.stat().st_size for path in files.values())
