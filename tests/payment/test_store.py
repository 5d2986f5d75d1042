"""The tables behave as the fakes of the other tests."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial

import pytest

from chassis.aws.clients import Clients
from chassis.core.errors import Unavailable
from services.payment.models import Payment, Status
from services.payment.simulated import Entry
from services.payment.store import OUTAGE, LedgerStore, PaymentStore
from services.payment.wiring import Wiring
from tests import aws_clients
from tests.payment.fakes import FakeLedger, FakePayments
from tests.stacks import create_tables

pytestmark = pytest.mark.integration

AT, LATER = "2026-11-21T09:30:00.123Z", "2026-11-21T09:30:05.123Z"
REQUESTED = Payment(
    userName="ann", orderId="o-1", status=Status.REQUESTED, amount=Decimal("36.90"), requestedAt=AT, changedAt=AT
)
AUTHORIZED = REQUESTED.model_copy(update={"status": Status.AUTHORIZED, "authorizationId": "a-1", "changedAt": LATER})
DECLINED = REQUESTED.model_copy(update={"status": Status.DECLINED, "reason": "PAYMENT_DECLINED", "changedAt": LATER})
HELD = Entry(idempotencyKey="o-1", status=Status.AUTHORIZED, amount=Decimal("0.10"), authorizationId="a-1")
REFUSED = Entry(idempotencyKey="o-1", status=Status.DECLINED, amount=Decimal("0.10"), reason="PAYMENT_DECLINED")

Store = PaymentStore | FakePayments
WRITES: dict[str, Callable[[Store], Payment]] = {
    "request": lambda store: store.request(REQUESTED),
    "authorize": lambda store: store.settle(AUTHORIZED),
    "decline": lambda store: store.settle(DECLINED),
    "void": lambda store: store.void("ann", "o-1", LATER),
    "void later": lambda store: store.void("ann", "o-1", "2027-01-01T00:00:00.000Z"),
}


@pytest.fixture
def stack(aws_env: Mapping[str, str]) -> Mapping[str, str]:
    """Only the tables, because the stores need nothing else."""
    return create_tables(aws_env, "payment")


@pytest.fixture
def store(stack: Mapping[str, str]) -> PaymentStore:
    return PaymentStore(Clients(stack).of("dynamodb", aws_clients.PATIENT), "shop-payment")


@pytest.fixture
def ledger(stack: Mapping[str, str]) -> LedgerStore:
    return LedgerStore(Clients(stack).of("dynamodb", aws_clients.PATIENT), "shop-payment-ledger")


@pytest.mark.parametrize(
    "writes",
    [
        ["request", "request", "authorize", "authorize", "void", "void later", "request"],
        ["request", "decline", "authorize", "void", "request"],
        ["request", "void", "authorize", "decline"],
        ["void", "void later", "request"],
        ["request", "authorize", "decline", "void"],
    ],
    ids=" ".join,
)
def test_table_takes_and_refuses_the_same_writes_as_the_fake(store: PaymentStore, writes: list[str]) -> None:
    fake = FakePayments()
    for name in writes:
        assert WRITES[name](store) == WRITES[name](fake), name
        assert store.get("ann", "o-1") == fake.get("ann", "o-1"), name


def test_payment_of_another_user_or_order_is_not_found(store: PaymentStore) -> None:
    store.request(REQUESTED)
    assert (store.get("bob", "o-1"), store.get("ann", "o-2")) == (None, None)


def test_only_one_of_an_authorization_and_a_void_at_the_same_time_is_the_last(store: PaymentStore) -> None:
    for number in range(10):
        payment = REQUESTED.model_copy(update={"orderId": f"o-{number}"})
        store.request(payment)
        settle = partial(store.settle, AUTHORIZED.model_copy(update={"orderId": payment.orderId}))
        with ThreadPoolExecutor(2) as pool:
            settled, voided = pool.submit(settle), pool.submit(store.void, "ann", payment.orderId, LATER)
        assert voided.result().status is Status.VOIDED
        assert settled.result().status in {Status.AUTHORIZED, Status.VOIDED}
        found = store.get("ann", payment.orderId)
        assert found
        assert found.status is Status.VOIDED


@pytest.mark.parametrize(
    "steps",
    [["open", "open again", "void", "void", "open"], ["void", "open"], ["refuse", "void", "open"]],
    ids=" ".join,
)
def test_ledger_takes_and_refuses_the_same_writes_as_the_fake(ledger: LedgerStore, steps: list[str]) -> None:
    fake = FakeLedger()
    entries = {"open": HELD, "open again": HELD.model_copy(update={"authorizationId": "a-2"}), "refuse": REFUSED}
    for step in steps:
        if step == "void":
            ledger.void("o-1")
            fake.void("o-1")
        else:
            assert ledger.open(entries[step]) == fake.open(entries[step]), step
    assert ledger.open(HELD) == fake.entries["o-1"]


def test_row_in_the_ledger_takes_the_provider_down_until_it_is_deleted(ledger: LedgerStore) -> None:
    ledger.check()
    row = aws_clients.table("shop-payment-ledger")
    row.put_item(Item={"idempotencyKey": OUTAGE})
    with pytest.raises(Unavailable, match="provider is down"):
        ledger.check()
    row.delete_item(Key={"idempotencyKey": OUTAGE})
    ledger.check()


@pytest.mark.parametrize(("table", "named"), [("shop-payment", "DynamoDB"), ("shop-payment-ledger", "provider")])
def test_check_of_the_consumer_covers_both_tables(stack: Mapping[str, str], table: str, named: str) -> None:
    wiring = Wiring(stack)
    wiring.check()
    aws_clients.client("dynamodb").delete_table(TableName=table)
    with pytest.raises(Unavailable, match=named):
        wiring.check()


def test_check_of_the_consumer_covers_step_functions(stack: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its answers the commands would use up their attempts."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SFN", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="Step Functions does not answer"):
        Wiring(stack).check()
