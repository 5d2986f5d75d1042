"""Compares the documentation with the code: named things exist, and existing things are documented."""

import ast
import re
from pathlib import Path

import pytest

from bootstrap.manifests import Process, processes
from services.basket.routes import api as basket
from services.ordering.routes import api as ordering
from services.payment.routes import api as payment
from services.product.routes import api as product
from services.stock.routes import api as stock

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# The IAM actions that each call of a client needs, by its method, or by the chassis's function that gets the client.
ACTIONS = {
    "get_item": {"dynamodb:GetItem"},
    "batch_get_item": {"dynamodb:BatchGetItem"},
    "put_item": {"dynamodb:PutItem"},
    "update_item": {"dynamodb:UpdateItem"},
    "delete_item": {"dynamodb:DeleteItem"},
    "batch_write_item": {"dynamodb:BatchWriteItem"},
    "scan": {"dynamodb:Scan"},
    "query": {"dynamodb:Query"},
    "describe_table": {"dynamodb:DescribeTable"},
    "commit": set(),  # a transaction needs those of its writes
    "rows": {"dynamodb:BatchGetItem"},
    "put_events": {"events:PutEvents"},
    "get_queue_url": {"sqs:GetQueueUrl"},
    "receive_message": {"sqs:ReceiveMessage"},
    "delete_message_batch": {"sqs:DeleteMessage"},
    "change_message_visibility_batch": {"sqs:ChangeMessageVisibility"},
    "send_message": {"sqs:SendMessage"},
    "start_execution": {"states:StartExecution"},
    "describe_execution": {"states:DescribeExecution"},
    "send_task_success": {"states:SendTaskSuccess"},
    "send_task_failure": {"states:SendTaskFailure"},
}
# The IAM action of each write of a transaction.
WRITES = {
    "Put": "dynamodb:PutItem",
    "Delete": "dynamodb:DeleteItem",
    "Update": "dynamodb:UpdateItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}
# The modules with the AWS calls of a process, by its entry point.
OUTBOX = ["chassis/messaging/outbox.py", "chassis/messaging/bus.py"]
QUEUE = "chassis/messaging/queue.py"
MODULES = {
    "app": ["store.py", "executions.py"],
    "consumer": ["store.py", "executions.py", QUEUE],
    "command_consumer": ["store.py", "executions.py", QUEUE],
    "relay": OUTBOX,
}
PUBLISHING = {"product", "basket", "ordering-commands"}  # beside the relays
# Actions that these modules need only for other processes.
UNUSED = {
    "product": {"dynamodb:BatchWriteItem"},
    "product-relay": {"dynamodb:PutItem", "dynamodb:DeleteItem"},
    "basket": {"dynamodb:BatchWriteItem"},
    "basket-relay": {"dynamodb:PutItem", "dynamodb:DeleteItem"},
    "basket-consumer": {"dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:Scan"},
    "ordering": {"dynamodb:PutItem", "states:DescribeExecution"},
    "ordering-consumer": {"dynamodb:Scan", "dynamodb:Query", "dynamodb:UpdateItem", "states:DescribeExecution"},
    "ordering-commands": {"dynamodb:Scan", "dynamodb:BatchWriteItem"},
    "ordering-relay": {"dynamodb:PutItem", "dynamodb:DeleteItem"},
    "payment": {"dynamodb:PutItem", "dynamodb:UpdateItem"},
    "stock": {"dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem"},
}


def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_linked_files_exist(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", text(page)) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_picture_is_shown_with_a_description_and_has_at_most_150_kb() -> None:
    shown = {
        (page.parent / link).resolve(): words
        for page in PAGES
        for words, link in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text(page))
    }
    pictures = [*(ROOT / "docs" / "pictures").iterdir()]
    assert len(pictures) >= 4
    assert [it.name for it in pictures if len(shown.get(it, "")) < 40 or it.stat().st_size > 150 * 1024] == []


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


@pytest.mark.parametrize("page", ["aws.md", "lambda.md"])
def test_settings_of_a_deployment_are_in_the_example_environment(page: str) -> None:
    named = set(re.findall(r"\b((?:SHOP|AUTH)_[A-Z_]+)", text(ROOT / "docs" / page)))
    documented = set(re.findall(r"^#?([A-Z_]+)=", text(ROOT / ".env.example"), flags=re.MULTILINE))
    assert len(named) > 10
    assert named - documented - {"SHOP_FUNCTION"} == set()  # the templates of functions set it


def test_request_collection_has_every_route() -> None:
    collection = re.sub(r"\{\{\w+\.response\.body\.\w+\}\}", "ID", text(ROOT / "requests.http"))
    asked = {
        (method.lower(), re.sub(r"\?.*", "", path))
        for method, path in re.findall(r"^([A-Z]+) \{\{\w+\}\}(/\S*)", collection, flags=re.MULTILINE)
    }
    routes = {
        (method, path)
        for api in (product, basket, ordering, payment, stock)
        for path, item in api.paths.items()
        for method in ("get", "post", "put", "patch", "delete")
        if getattr(item, method) is not None
    }
    assert len(routes) == 20
    missing = {
        (method, path)
        for method, path in routes
        if not any(m == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), p) for m, p in asked)
    }
    assert missing == set()


def test_runbook_says_of_every_alarm_what_it_means_what_to_look_at_and_what_to_do() -> None:
    templates = [*ROOT.glob("bootstrap/**/*.yaml"), *ROOT.glob("services/*/template.yaml")]
    alarms = [
        name for path in templates for name in re.findall(r'AlarmName: !Sub "?\$\{Shop\}-([a-z0-9-]+)', text(path))
    ]
    table = text(ROOT / "docs" / "runbook.md").partition("| alarm | means | look at | do |\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[1:]]
    explained = [name for row in rows for name in re.findall(r"`shopwire-([a-z0-9-]+)`", row[0])]
    assert len(alarms) > 20
    assert sorted(explained) == sorted(alarms)
    assert [row for row in rows if len(row) != 4 or not all(row)] == []


@pytest.mark.parametrize("process", processes(), ids=lambda process: process.name)
def test_manifest_allows_exactly_the_actions_that_the_code_needs(process: Process) -> None:
    allowed = {f"{arn.partition(':')[0]}:{action}" for arn, actions in process.allow.items() for action in actions}
    needed = {action for module in modules(process) for action in _actions(module)}
    unused = UNUSED.get(process.name, set())
    assert needed >= unused
    assert allowed == needed - unused


def modules(process: Process) -> list[Path]:
    """Where commands are handled, they are answered."""
    *folders, started = process.module.split(".")
    folder = ROOT.joinpath(*folders)
    names = MODULES[started] + (OUTBOX if process.name in PUBLISHING else [])
    paths = [ROOT / name if "/" in name else folder / name for name in names]
    answers = [ROOT / "chassis/messaging/tasks.py"] if "answering(" in text(folder / f"{started}.py") else []
    return [path for path in paths if path.exists()] + answers


def _actions(module: Path) -> set[str]:
    """The IAM actions of all client methods that the module calls or passes on, and of the writes of transactions."""
    nodes = [*ast.walk(ast.parse(text(module)))]
    methods = {node.attr for node in nodes if isinstance(node, ast.Attribute) and _is_client(node.value)}
    given = {
        ast.unparse(node.func).rpartition(".")[2]
        for node in nodes
        if isinstance(node, ast.Call) and any(map(_is_client, node.args))
    }
    keys = {
        key.value for node in nodes if isinstance(node, ast.Dict) for key in node.keys if isinstance(key, ast.Constant)
    }
    return {action for name in methods | given for action in ACTIONS[name]} | {
        action for write, action in WRITES.items() if write in keys
    }


def _is_client(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in {"_dynamodb", "_client", "_poller"}
