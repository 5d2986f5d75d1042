"""Step Functions or the payment provider is down: nothing is dead-lettered, and every order is final afterwards."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from services.payment.store import OUTAGE
from tests import aws_clients
from tests.processes import eventually
from tests.resilience.fault_injection.faults import Fault, always
from tests.resilience.saga.fulfilling import Fulfilment, fulfilling
from tests.stacks import deploy

pytestmark = [pytest.mark.resilience, pytest.mark.timeout(300)]
STEP_TIMEOUT = 8  # seconds
TRIES = 4  # receives before SQS dead-letters a message; in the template it is ten, after half an hour
OUTAGE_LASTS = 30.0  # seconds: a consumer that went on receiving would be at its last receive
ORDERS = 12
RecordProperty = Callable[[str, object], None]


@pytest.fixture
def impatient(aws_env: Mapping[str, str]) -> Mapping[str, str]:
    deploy(aws_env, "maxReceiveCount", TRIES, step_timeout=STEP_TIMEOUT)
    return aws_env


def switch(env: Mapping[str, str], *, down: bool) -> None:
    """Switches the simulated provider."""
    table, key = f"{env['SHOP_NAME']}-payment-ledger", {"idempotencyKey": {"S": OUTAGE}}
    dynamodb = aws_clients.client("dynamodb")
    if down:
        dynamodb.put_item(TableName=table, Item=key)
    else:
        dynamodb.delete_item(TableName=table, Key=key)


def place_all(shop: Fulfilment) -> None:
    shop.put_stock("tea", 100)
    for n in range(ORDERS):
        shop.place("tok_declined" if n % 4 == 3 else "tok_approved", tea=1)


def test_orders_wait_for_step_functions_and_are_final_afterwards(
    impatient: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    with fulfilling(impatient, tmp_path) as shop:
        for proxy in shop.proxies.values():
            proxy.rules = always(Fault.SERVER_ERROR, "AWSStepFunctions.*")
        place_all(shop)
        eventually(lambda: len(shop.books().open) == ORDERS)
        for proxy in shop.proxies.values():
            proxy.stop_faults()
        differences, seconds = shop.settle(ORDERS, within=120)
        ends = shop.books().ends
    record_property("figures", f"Step Functions down: {dict(ends)} {seconds:.1f} s after it was up again")
    assert differences == []
    assert ends["CONFIRMED"] == ORDERS * 3 // 4


def test_orders_wait_for_the_provider_and_are_final_afterwards(
    impatient: Mapping[str, str], tmp_path: Path, record_property: RecordProperty
) -> None:
    """The machine times out, rejects the orders and fails at their voids, until the provider answers these."""
    with fulfilling(impatient, tmp_path) as shop:
        switch(impatient, down=True)
        place_all(shop)
        over = time.monotonic() + OUTAGE_LASTS
        while time.monotonic() < over:
            shop.sweep()
        assert set(shop.books().ends) <= {"PLACED", "REJECTING PAYMENT_TIMEOUT"}
        switch(impatient, down=False)
        differences, seconds = shop.settle(ORDERS, within=120)
        ends = shop.books().ends
    record_property(
        "figures", f"provider down for {OUTAGE_LASTS:.0f} s: {dict(ends)} {seconds:.1f} s after it was up again"
    )
    assert differences == []
