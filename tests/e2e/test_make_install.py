"""Installs and runs a clone in a folder of any name, in a shell that is set up for other Python projects."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.clones import clone
from tests.environment import MAKE, ROOT, free_port
from tests.processes import eventually
from tests.shops import free_ports

pytestmark = pytest.mark.e2e


@pytest.fixture
def shell(tmp_path: Path) -> Mapping[str, str]:
    """Variables that a shell may export. Proxy variables are missing, because packages may need the proxy."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "boto3.py").write_text("raise SystemExit('another project was imported')")
    (tmp_path / "pip.conf").write_text("[install]\nuser = true\n")
    other = str(tmp_path / "other")
    exported = {
        "VIRTUAL_ENV": other, "UV_PROJECT_ENVIRONMENT": other, "UV_NO_DEV": "1", "UV_PYTHON": "3.8",
        "PIP_USER": "1", "PIP_TARGET": other, "PIP_REQUIRE_HASHES": "1", "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "PYTHONSAFEPATH": "1", "PYTHONPATH": other, "PYTHONHOME": other, "PYTHONUSERBASE": other,
        "A_SECRET": "of this shell",
    }  # fmt: skip
    return os.environ | free_ports() | exported


def test_settings_of_caches_and_indexes_reach_uv(tmp_path: Path) -> None:
    """In make, only the first `%` of a pattern is a wildcard."""
    kept = {"UV_CACHE_DIR": str(tmp_path), "UV_NO_CACHE": "1", "UV_INDEX_URL": "here", "PIP_NO_CACHE_DIR": "1"}
    (tmp_path / "show.mk").write_text(f"include {ROOT}/Makefile\nshow:\n\t@env | grep -E '^(UV|PIP)_' | sort\n")
    done = make(ROOT, os.environ | kept | {"UV_NO_DEV": "1"}, "-f", str(tmp_path / "show.mk"), "show")
    shown = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert kept.items() <= shown.items()
    assert "UV_NO_DEV" not in shown


def make(folder: Path, env: Mapping[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*MAKE, *words], cwd=folder, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def installed(tmp_path: Path, shell: Mapping[str, str]) -> Path:
    folder = clone(tmp_path)
    done = make(folder, shell, "install")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "of this shell" not in done.stdout + done.stderr
    return folder


@pytest.fixture
def running(installed: Path, shell: Mapping[str, str], tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """The environment of a running shop whose shell has an unreachable proxy."""
    proxy = f"http://127.0.0.1:{free_port()}"
    env = dict(shell) | {"http_proxy": proxy, "HTTP_PROXY": proxy, "https_proxy": proxy, "HTTPS_PROXY": proxy}
    output = tmp_path / "terminal"
    with (
        output.open("wb") as out,
        subprocess.Popen([*MAKE, "run"], cwd=installed, env=env, stdout=out, stderr=out) as shop,
    ):
        try:
            eventually(lambda: "The shop is open" in output.read_text() or shop.poll() is not None, 150)
            assert shop.poll() is None, output.read_text()
            yield env
        finally:
            make(installed, env, "stop")
            shop.terminate()


def test_clone_in_a_folder_of_any_name_can_be_installed_and_used(
    installed: Path, running: Mapping[str, str], tmp_path: Path
) -> None:
    bought = make(installed, running, "demo")
    assert bought.returncode == 0, bought.stdout + bought.stderr
    # The command that the demo prints for the trace can be typed.
    trace = re.search(r"shop (trace \S+)", bought.stdout)
    assert trace is not None
    command = [installed / ".venv" / "bin" / "shop", *trace[1].split()]
    found = subprocess.run(command, cwd=installed, capture_output=True, text=True, check=False)
    assert "ordering-consumer" in found.stdout, found.stderr
    for script in ("shop", "pytest", "lint-imports", "cfn-lint"):
        subprocess.run([installed / ".venv" / "bin" / script, "--help"], capture_output=True, check=True)
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["boto3.py"]


@pytest.fixture
def offline(tmp_path: Path) -> Mapping[str, str]:
    """The environment of a shell whose packages would come by a proxy that does not answer."""
    own = {name: it for name, it in os.environ.items() if not name.startswith(("PIP_", "UV_"))}
    proxy = f"http://127.0.0.1:{free_port()}"
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), proxy)
    quick = {"PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull, "UV_HTTP_RETRIES": "0", "UV_NO_CACHE": "1"}
    return own | proxies | quick | {"no_proxy": "", "NO_PROXY": ""}


def test_missing_network_is_one_sentence_and_other_failures_are_shown(
    tmp_path: Path, offline: Mapping[str, str]
) -> None:
    folder = clone(tmp_path)
    without_uv = make(folder, offline, "install")
    shutil.copy(Path(sys.executable).with_name("uv"), folder / ".venv" / "bin")
    with_uv = make(folder, offline, "install")
    for done in (without_uv, with_uv):
        assert done.returncode == 2
        assert done.stdout.splitlines()[-1].startswith("Packages cannot be downloaded: .venv/install.log says "), done
        [from_make] = done.stderr.splitlines()
        assert ".installed" in from_make
    assert "Failed to fetch" in (folder / ".venv" / "install.log").read_text()
    (folder / "uv.lock").write_text("not a lock")
    broken = make(folder, offline, "install")
    assert "uv.lock" in broken.stderr
    assert "cannot be downloaded" not in broken.stdout


@pytest.mark.parametrize("name", ["a:b", "a\tb", "a\nb"])
def test_folder_without_room_for_a_python_environment_is_reported(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    for file in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / file, folder)
    done = make(folder, os.environ, "install")
    assert done.returncode == 2
    assert done.stdout.startswith("No Python environment can be made here: ")
    assert not (folder / ".venv").exists()
