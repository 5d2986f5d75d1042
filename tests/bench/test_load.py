"""The load and the prepared answers, without the packages of `.venv-bench`."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from bench.load import Request, run
from chassis.aws.clients import Clients
from chassis.messaging.outbox import Outbox
from chassis.messaging.queue import Queue
from services.basket.store import BasketStore
from services.product.store import ProductStore
from tests.environment import ROOT

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    command = [sys.executable, "-m", "bench.canned_aws"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.terminate()


@pytest.fixture
def clients(url: str, monkeypatch: pytest.MonkeyPatch) -> Clients:
    env = CREDENTIALS | {"AWS_ENDPOINT_URL": url}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    return Clients(env)


def python_load(url: str, request: Request) -> dict[str, Any]:
    return run([sys.executable, "-m", "bench.load", url, "0.2", *request])


def test_python_load_counts_and_times_requests(url: str) -> None:
    done = python_load(url, Request("GET", "/"))
    assert done["requests"] > 0
    assert 0 < done["p50"] <= done["p99"]


def test_load_with_a_failed_request_is_no_measurement() -> None:
    output = json.dumps({"requests": 2, "failed": 1})
    with pytest.raises(ValueError, match="1 of 2 requests failed"):
        run([sys.executable, "-c", f"print({output!r})"])


def test_stores_can_read_the_prepared_answers(clients: Clients) -> None:
    dynamodb = clients.of("dynamodb")
    outbox = Outbox(dynamodb, "shopwire-product-outbox")
    products = ProductStore(dynamodb, outbox, "shopwire-product")
    page = products.page("20", 20, None)
    assert (len(page.items), page.next_cursor) == (20, None)
    basket = BasketStore(dynamodb, outbox, "shopwire-basket", "shopwire-receipt").get("ann")
    assert basket is not None
    assert len(basket.items) == 2
    assert len(Queue.of(clients, "shopwire-order").receive()) == 10
