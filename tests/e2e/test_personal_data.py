"""Names, addresses and e-mail addresses of customers are in no log, and `shop dlq` does not print them by itself."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
import urllib3

from shop import tokens
from shop.paths import paths_of
from shop.settings import ROOT, Settings
from tests.processes import eventually
from tests.samples import CHECKOUT, golden_message
from tests.shops import free_ports, running

pytestmark = pytest.mark.e2e

USER = "canary-user"
CANARIES = {
    "firstName": "Quetzalina",
    "lastName": "Xanthopoulos",
    "email": "zz.mailbox@canary.example",
    "address": "99 Vermilion Crescent",
    "cardInfo": "4111111111111111",
}
PARTS = (*CANARIES.values(), "zz.mailbox", "Vermilion", "411111111111")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return os.environ | free_ports() | {"SHOP_VAR": str(tmp_path), "SHOP_NAME": "canary", "SHOP_AUTH": "on"}


def test_no_log_and_no_list_of_dead_letters_has_personal_data(env: dict[str, str]) -> None:
    settings = Settings.from_env(env)
    with running(settings, env):
        buy(settings)
        send_unacceptable_event(settings)
        shown = eventually(lambda: dead_letters(env))
    assert "reason" in shown
    assert found(shown) == []
    logs = {file.name: file.read_text() for file in paths_of(settings).logs.glob("*.log")}
    assert USER in logs["basket.log"]
    assert {name: found(text) for name, text in logs.items() if found(text)} == {}
    assert "message goes to the dead-letter queue" in logs["ordering-consumer.log"]


def found(text: str) -> list[str]:
    return [part for part in PARTS if part.lower() in text.lower()]


def buy(settings: Settings) -> None:
    headers = {"Authorization": f"Bearer {tokens.token({}, paths_of(settings), USER)}"}

    def ask(method: str, service: str, path: str, body: Any = None) -> urllib3.BaseHTTPResponse:
        return urllib3.request(method, settings.url(service) + path, json=body, headers=headers)

    product = ask("GET", "product", "/product?limit=1").json()["items"][0]["id"]
    assert ask("POST", "basket", f"/basket/{USER}/items", {"productId": product, "quantity": 1}).status == 200
    wrong = CHECKOUT | CANARIES | {"userName": USER, "email": "zz.mailbox@", "firstName": ["Quetzalina"]}
    assert ask("POST", "basket", "/basket/checkout", wrong).status == 422
    assert ask("POST", "basket", "/basket/checkout", CHECKOUT | CANARIES | {"userName": USER}).status == 202
    order = eventually(lambda: ask("GET", "ordering", f"/order/{USER}").json()["items"])[0]
    assert order["email"] == CANARIES["email"]


def send_unacceptable_event(settings: Settings) -> None:
    """An event that can never be handled, because its total does not add up."""
    event = golden_message("checkout_basket")
    detail = event["detail"]
    card = {"cardInfo": CANARIES["cardInfo"]}
    detail["data"] |= {name: text for name, text in CANARIES.items() if name not in card} | {"totalPrice": 1}
    client = boto3.client(
        "events", endpoint_url=settings.endpoint, region_name="us-east-1", aws_access_key_id="test",
        aws_secret_access_key="test",
    )  # fmt: skip
    entry: Any = {
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(detail, default=float),
    }
    assert client.put_events(Entries=[entry | {"EventBusName": f"{settings.name}-bus"}])["FailedEntryCount"] == 0


def dead_letters(env: dict[str, str]) -> str:
    command = [sys.executable, "-m", "shop", "dlq", "show", "order-dlq"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout if "reason" in done.stdout else ""
