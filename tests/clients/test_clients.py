"""Clients generated from the OpenAPI documents, and the REST client of `requests.http`, can buy."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from shop import tokens
from shop.paths import paths_of
from shop.settings import ROOT, Settings, api_names
from tests.processes import eventually
from tests.shops import free_ports, running

pytestmark = [pytest.mark.clients, pytest.mark.e2e]

HERE = Path(__file__).parent
NODE_MODULES = ROOT / ".clients" / "node_modules"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    var = tmp_path_factory.mktemp("shop")
    settings = Settings.from_env(free_ports() | {"SHOP_VAR": str(var), "SHOP_NAME": "clients"})
    with running(settings, os.environ | {"SHOP_AUTH": "on"}):
        yield settings


@pytest.fixture
def documents(shop: Settings, tmp_path: Path) -> dict[str, Path]:
    """Each service's OpenAPI document, read over HTTP."""
    files = {name: tmp_path / f"{name}.json" for name in api_names()}
    for name, file in files.items():
        file.write_bytes(urllib3.request("GET", f"{shop.url(name)}/openapi.json").data)
    return files


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    """The output goes to a file, because a Node program that ends may lose what a pipe has not yet taken (64 KiB)."""
    output = cwd / "output.txt"
    with output.open("w") as file:
        ended = subprocess.run(command, cwd=cwd, env=os.environ | env, stdout=file, stderr=subprocess.PIPE, check=False)
    assert ended.returncode == 0, output.read_text() + ended.stderr.decode()
    return output.read_text()


def test_generated_python_client_is_fully_typed_and_can_buy(
    shop: Settings, documents: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "config.yml").write_text("post_hooks: []\n")
    for name, document in documents.items():
        run(
            Path(sys.executable).with_name("openapi-python-client"), "generate", "--path", document, "--meta", "none",
            "--output-path", f"shop_{name}", "--config", "config.yml", "--fail-on-warning", cwd=tmp_path,
        )  # fmt: skip
    shutil.copy(HERE / "buy.py", tmp_path)
    run(sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "buy.py", cwd=tmp_path)
    run(sys.executable, "buy.py", *purchase(shop, "python"), cwd=tmp_path)


def purchase(shop: Settings, user: str) -> list[str]:
    """Arguments: the addresses, and a token of an admin, who may also create products."""
    urls = [shop.url(name) for name in ("product", "basket", "ordering", "stock", "payment")]
    return [*urls, tokens.token({}, paths_of(shop), user, admin=True)]


@pytest.mark.usefixtures("documents")
def test_generated_typescript_client_compiles_and_can_buy(shop: Settings, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(NODE_MODULES)
    for file in ("buy.ts", "tsconfig.json", "package.json", "openapi-ts.config.js"):
        shutil.copy(HERE / file, tmp_path)
    run(NODE_MODULES / ".bin" / "openapi-ts", cwd=tmp_path)
    run(NODE_MODULES / ".bin" / "tsc", cwd=tmp_path)
    assert run("node", "built/buy.js", *purchase(shop, "typescript"), cwd=tmp_path).splitlines()[-1] == "bought"


def test_every_request_of_the_file_works_in_httpyac(shop: Settings, tmp_path: Path) -> None:
    answers = httpyac(requests_of(shop), tmp_path)
    unknown = {name: status for name, (status, _) in answers.items() if status >= 400}
    assert unknown == dict.fromkeys(["One order", "Cancel an order", "The payment of an order"], 404)
    order_id = json.loads(answers["Check out"][1])["orderId"]
    eventually(lambda: status_of(shop, "ann", order_id) != "PLACED")
    # As the file says: the order's ID is known only now.
    edited = re.sub(r"(?m)^@order = .*", f"@order = {order_id}", requests_of(shop))
    again = httpyac(edited, tmp_path)
    assert (again["One order"][0], json.loads(again["One order"][1])["orderId"]) == (200, order_id)
    # The first run deleted the product.
    assert {name for name, (status, _) in again.items() if status >= 400} == {"Delete a product"}


def status_of(shop: Settings, user: str, order_id: str) -> str:
    headers = {"Authorization": f"Bearer {tokens.token({}, paths_of(shop), user, admin=False)}"}
    order = urllib3.request("GET", f"{shop.url('ordering')}/order/{user}/{order_id}", headers=headers).json()
    return str(order.get("status", "PLACED"))


def requests_of(shop: Settings) -> str:
    text = (ROOT / "requests.http").read_text()
    for name in api_names():
        text = re.sub(rf"(?m)^@{name} = .*", f"@{name} = {shop.url(name)}", text)
    return text.replace("@token = none", f"@token = {tokens.token({}, paths_of(shop), 'ann', admin=True)}")


def httpyac(text: str, folder: Path) -> dict[str, tuple[int, str]]:
    """The status and the body of each response."""
    file = folder / "requests.http"
    file.write_text(text)
    ended: dict[str, Any] = json.loads(
        run(NODE_MODULES / ".bin" / "httpyac", "send", file, "--all", "--json", cwd=folder)
    )
    assert ended["summary"]["failedRequests"] == 0
    assert len(ended["requests"]) == text.count("\n### ")
    return {
        each["name"]: (each["response"]["statusCode"], each["response"].get("body", "")) for each in ended["requests"]
    }
