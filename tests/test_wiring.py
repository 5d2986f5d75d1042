"""The modules that each process imports and the clients that it creates."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from chassis.aws.clients import ONE_SHOT
from chassis.messaging.segment import WHOLE
from services.basket.wiring import Wiring as BasketWiring
from services.ordering.wiring import Wiring as OrderingWiring
from services.payment.wiring import Wiring as PaymentWiring
from services.product.wiring import Wiring as ProductWiring
from services.stock.wiring import Wiring as StockWiring
from tests.environment import ROOT
from tests.processes import inherited

WORKERS = sorted(
    path for name in ("consumer", "command_consumer", "relay") for path in ROOT.glob(f"services/*/{name}.py")
)
ENV = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "us-east-1"}


@pytest.mark.parametrize("worker", WORKERS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_worker_loads_no_web_framework(worker: Any) -> None:
    module = ".".join(worker.relative_to(ROOT).with_suffix("").parts)
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=inherited(), capture_output=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.decode().split()}
    assert "boto3" in loaded
    assert loaded.isdisjoint({"flask", "flask_openapi", "werkzeug", "jinja2", "gunicorn"})


@pytest.mark.parametrize(("auth", "loaded"), [("off", False), ("on", True)])
def test_web_process_loads_cryptography_only_to_check_tokens(auth: str, *, loaded: bool, nowhere: None) -> None:
    """It needs 9 MB."""
    issuer = {"AUTH_ISSUER": "https://i", "AUTH_AUDIENCE": "a", "AUTH_JWKS": "https://i/keys"} if auth == "on" else {}
    env = inherited() | ENV | {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "SHOP_AUTH": auth} | issuer
    code = "import sys; from services.product.app import from_env; from_env(); print('cryptography' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, check=True)
    assert done.stdout.decode().split()[-1] == str(loaded)


def web_of_product(env: dict[str, str]) -> list[Any]:
    wiring = ProductWiring(env)
    return [wiring.bus(ONE_SHOT)._client, wiring.store._dynamodb, wiring.outbox._dynamodb]


def web_of_basket(env: dict[str, str]) -> list[Any]:
    wiring = BasketWiring(env)
    tables = [wiring.store._dynamodb, wiring.outbox._dynamodb, wiring.catalogue_store._dynamodb]
    return [wiring.bus(ONE_SHOT)._client, *tables]


def consumer_of_ordering(env: dict[str, str]) -> list[Any]:
    wiring = OrderingWiring(env)
    queues = [each for queue in (wiring.queue, wiring.dead_letters) for each in (queue._client, queue._poller)]
    return [wiring.store._dynamodb, *queues]


def commands_of_ordering(env: dict[str, str]) -> list[Any]:
    wiring = OrderingWiring(env)
    queues = [wiring.command_queue, wiring.command_dead_letters]
    states = [wiring.tasks._client, wiring.fulfilment._executions._client]  # type: ignore[attr-defined] # of the class
    tables = [wiring.store._dynamodb, wiring.outbox._dynamodb]
    return [wiring.bus(ONE_SHOT)._client, *tables, *states, *(each._client for each in queues), queues[0]._poller]


def consumer_of_payment(env: dict[str, str]) -> list[Any]:
    wiring = PaymentWiring(env)
    queues = [each for queue in (wiring.queue, wiring.dead_letters) for each in (queue._client, queue._poller)]
    return [wiring.store._dynamodb, wiring.tasks._client, *queues]


def consumer_of_stock(env: dict[str, str]) -> list[Any]:
    wiring = StockWiring(env)
    queues = [each for queue in (wiring.queue, wiring.dead_letters) for each in (queue._client, queue._poller)]
    return [wiring.store._dynamodb, wiring.tasks._client, *queues]


@pytest.mark.parametrize("wiring", [ProductWiring, BasketWiring, OrderingWiring])
def test_relay_takes_its_segment_from_the_environment(
    wiring: Callable[[dict[str, str]], Any], nowhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", **ENV}.items():
        monkeypatch.setenv(name, value)
    assert wiring(ENV).relay._segment == WHOLE
    assert wiring({**ENV, "SHOP_RELAY_SEGMENT": "2/3"}).relay._segment == (2, 3)


@pytest.mark.parametrize(
    ("process", "clients"),
    [
        pytest.param(web_of_product, 2, id="product"),
        pytest.param(web_of_basket, 2, id="basket"),
        pytest.param(consumer_of_ordering, 3, id="ordering-consumer"),
        pytest.param(commands_of_ordering, 5, id="ordering-commands"),
        pytest.param(consumer_of_payment, 4, id="payment-consumer"),
        pytest.param(consumer_of_stock, 4, id="stock-consumer"),
    ],
)
def test_process_makes_one_client_per_service_and_time_outs(
    process: Callable[[dict[str, str]], list[Any]], clients: int, nowhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", **ENV}.items():
        monkeypatch.setenv(name, value)
    assert len({id(client) for client in process(ENV)}) == clients
