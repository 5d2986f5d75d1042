"""Compares the documentation with the code: named things exist, and existing things are documented."""

import ast
import re
from pathlib import Path

import pytest

from bootstrap.manifests import Process, processes
from services.basket.routes import api as basket
from services.ordering.routes import api as ordering
from services.product.routes import api as product

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# The IAM actions that each client call needs. A transaction needs those of its writes.
ACTIONS = {
    "get_item": {"dynamodb:GetItem"},
    "batch_get_item": {"dynamodb:BatchGetItem"},
    "put_item": {"dynamodb:PutItem"},
    "delete_item": {"dynamodb:DeleteItem"},
    "batch_write_item": {"dynamodb:BatchWriteItem"},
    "scan": {"dynamodb:Scan"},
    "query": {"dynamodb:Query"},
    "transact_write_items": {"dynamodb:PutItem", "dynamodb:DeleteItem"},
    "put_events": {"events:PutEvents"},
    "get_queue_url": {"sqs:GetQueueUrl"},
    "receive_message": {"sqs:ReceiveMessage"},
    "delete_message_batch": {"sqs:DeleteMessage"},
    "change_message_visibility_batch": {"sqs:ChangeMessageVisibility"},
    "send_message": {"sqs:SendMessage"},
}
# The modules with the AWS calls of a process, by its entry point.
OUTBOX = ["chassis/messaging/outbox.py", "chassis/messaging/bus.py"]
MODULES = {"app": ["store.py"], "consumer": ["store.py", "chassis/messaging/queue.py"], "relay": OUTBOX}
# Actions that these modules need only for other processes.
UNUSED = {
    "product": {"dynamodb:BatchWriteItem"},
    "product-relay": {"dynamodb:PutItem", "dynamodb:DeleteItem"},
    "basket": {"dynamodb:BatchWriteItem"},
    "basket-relay": {"dynamodb:PutItem", "dynamodb:DeleteItem"},
    "basket-consumer": {"dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:Scan"},
    "ordering": {"dynamodb:PutItem"},
    "ordering-consumer": {"dynamodb:Scan", "dynamodb:Query"},
}


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_linked_files_exist(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", text(page)) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_make_targets_exist(page: Path) -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z0-9-]*)", text(page), flags=re.MULTILINE))
    assert named <= set(re.findall(r"^([a-z0-9-]+):", text(ROOT / "Makefile"), flags=re.MULTILINE))


def test_variables_that_the_code_reads_are_in_the_example_environment() -> None:
    code = [page for folder in ("chassis", "services", "shop", "bootstrap") for page in ROOT.glob(f"{folder}/**/*.py")]
    asked = r"env(?:iron)?(?:\.get\(|\[)[\"']([A-Z_]+)|[\"'](SHOP_[A-Z]+_PORT)[\"']"
    read = {name for source in code for pair in re.findall(asked, text(source)) for name in pair if name}
    read |= set(re.findall(r"\$\{([A-Z_]+)", text(ROOT / "docker-compose.yml")))
    documented = set(re.findall(r"^#?([A-Z_]+)=", text(ROOT / ".env.example"), flags=re.MULTILINE))
    assert read >= {"SHOP_NAME", "HOST", "SHOP_PRODUCT_PORT", "AWS_ENDPOINT_URL"}
    assert read - documented == {
        "NO_COLOR",
        "SHOP_STACK",
    }  # a standard, and a former name that is rejected


def test_request_collection_has_every_route() -> None:
    collection = re.sub(r"\{\{\w+\.response\.body\.\w+\}\}", "ID", text(ROOT / "requests.http"))
    asked = {
        (method.lower(), re.sub(r"\?.*", "", path))
        for method, path in re.findall(r"^([A-Z]+) \{\{\w+\}\}(/\S*)", collection, flags=re.MULTILINE)
    }
    routes = {
        (method, path)
        for api in (product, basket, ordering)
        for path, item in api.paths.items()
        for method in ("get", "post", "put", "patch", "delete")
        if getattr(item, method) is not None
    }
    assert len(routes) == 16
    missing = {
        (method, path)
        for method, path in routes
        if not any(m == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), p) for m, p in asked)
    }
    assert missing == set()


@pytest.mark.parametrize("process", processes(), ids=lambda process: process.name)
def test_manifest_allows_exactly_the_actions_that_the_code_needs(process: Process) -> None:
    allowed = {f"{arn.partition(':')[0]}:{action}" for arn, actions in process.allow.items() for action in actions}
    needed = {action for module in modules(process) for action in _actions(module)}
    unused = UNUSED.get(process.name, set())
    assert needed >= unused
    assert allowed == needed - unused


def modules(process: Process) -> list[Path]:
    """A web process whose service has a relay also writes to the outbox and publishes."""
    *folders, started = process.module.split(".")
    folder = ROOT.joinpath(*folders)
    publishes = started == "app" and (folder / "relay.py").exists()
    found = [folder / name if name == "store.py" else ROOT / name for name in MODULES[started]]
    return found + [ROOT / name for name in OUTBOX if publishes]


def _actions(module: Path) -> set[str]:
    """The IAM actions of all client methods that the module calls or passes on."""
    clients = {"_dynamodb", "_client", "_poller"}
    names = {
        node.attr
        for node in ast.walk(ast.parse(text(module)))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr in clients
    }
    return {action for name in names for action in ACTIONS[name]}
