from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from chassis.aws.clients import Clients
from chassis.core.errors import Refused, Unavailable
from chassis.messaging.commands import TaskRefused
from services.stock.models import Reservation, State, StockRow
from services.stock.store import StockStore
from services.stock.wiring import Wiring
from tests import aws_clients
from tests.processes import eventually
from tests.stacks import create_tables
from tests.stock_fakes import StockShop, confirmed, release, reserve

pytestmark = pytest.mark.integration
NOW = datetime(2026, 11, 21, 9, 30, 0, 123_000, UTC)
RESERVED = Reservation.of("o-1", "swn", {"tea": 3, "poster": 1}, {"tea": 3}, NOW)


@pytest.fixture
def stack(aws_env: Mapping[str, str]) -> Mapping[str, str]:
    """Only the tables, because the stores need nothing else."""
    return create_tables(aws_env, "stock")


@pytest.fixture
def store(stack: Mapping[str, str]) -> StockStore:
    return Wiring(stack).store


def level(store: StockStore, available: int = 10, product_id: str = "tea") -> StockRow:
    row = store.set_available(product_id, available, f"{product_id}-1", None)
    assert row is not None
    return row


def counts(store: StockStore, product_id: str = "tea") -> tuple[int, int, int] | None:
    row = store.level(product_id)
    return (row.available, row.reserved, row.sold) if row else None


# ── Levels ──


def test_level_is_read_back(store: StockStore) -> None:
    assert store.level("tea") is None
    row = level(store)
    assert row == StockRow(productId="tea", available=10, reserved=0, sold=0, revision="tea-1")
    assert store.level("tea") == row
    assert store.levels(["tea", "poster"]) == {"tea": row}


def test_new_level_has_the_previous_one(store: StockStore) -> None:
    level(store)
    store.move(None, RESERVED, {"tea": 3})
    row = store.set_available("tea", 20, "r-2", "tea-1")
    assert row == StockRow(productId="tea", available=20, reserved=3, sold=0, revision="r-2", previousAvailable=7)
    assert store.level("tea") == row


@pytest.mark.parametrize("base", [None, "another"])
def test_level_that_another_change_replaced_is_not_set(store: StockStore, base: str | None) -> None:
    level(store)
    assert store.set_available("tea", 20, "r-2", base) is None
    assert counts(store) == (10, 0, 0)


@pytest.mark.parametrize("base", [None, "tea-1"])
def test_repeated_write_of_a_level_returns_the_row_as_it_is_now(store: StockStore, base: str | None) -> None:
    if base:
        level(store)
    written = store.set_available("tea", 20, "r-2", base)
    store.move(None, RESERVED, {"tea": 3})
    row = store.set_available("tea", 20, "r-2", base)
    assert row is not None
    assert written is not None
    assert (row.available, row.reserved, row.previousAvailable) == (17, 3, written.previousAvailable)


def unanswered(code: str) -> dict[str, Any]:
    return {"service_error_code": code, "response_meta": {"Unanswered": True}}


@pytest.mark.parametrize("base", [None, "r-1"])
@pytest.mark.parametrize("code", ["ConditionalCheckFailedException", "TransactionConflictException"])
def test_level_that_may_have_been_set_by_an_unanswered_attempt_is_unknown(
    aws_env: Mapping[str, str], base: str | None, code: str
) -> None:
    client = Clients(aws_env).of("dynamodb")
    operation = "update_item" if base else "put_item"
    with Stubber(client) as stubber:
        stubber.add_client_error(operation, code)
        assert StockStore(client, "stock", "reservation").set_available("tea", 1, "r-2", base) is None
        stubber.add_client_error(operation, **unanswered(code))
        with pytest.raises(Unavailable):
            StockStore(client, "stock", "reservation").set_available("tea", 1, "r-2", base)


# ── Moves ──


def test_reservation_and_pieces_are_written_together(store: StockStore) -> None:
    level(store)
    assert store.move(None, RESERVED, {"tea": 3}, ["poster"])
    assert store.reservation("o-1") == RESERVED
    assert counts(store) == (7, 3, 0)


def test_pieces_follow_the_states_of_their_reservation(store: StockStore) -> None:
    level(store)
    store.move(None, RESERVED, {"tea": 3})
    sold = RESERVED.sold(NOW)
    assert store.move(RESERVED, sold, {"tea": 3})
    assert counts(store) == (7, 0, 3)
    released = sold.released(NOW)
    assert store.move(sold, released, {"tea": 3})
    assert (counts(store), store.reservation("o-1")) == ((10, 0, 0), released)


def test_last_piece_can_be_taken(store: StockStore) -> None:
    level(store, 3)
    assert store.move(None, RESERVED, {"tea": 3})
    assert counts(store) == (0, 3, 0)


def test_nothing_is_written_if_pieces_are_missing(store: StockStore) -> None:
    level(store, 2)
    level(store, 9, "cup")
    assert not store.move(None, RESERVED, {"cup": 1, "tea": 3})
    assert (counts(store), counts(store, "cup"), store.reservation("o-1")) == ((2, 0, 0), (9, 0, 0), None)


def test_nothing_is_written_if_the_level_has_no_row(store: StockStore) -> None:
    assert not store.move(None, RESERVED, {"tea": 3})
    assert (store.level("tea"), store.reservation("o-1")) == (None, None)


def test_nothing_is_written_if_an_untracked_product_has_a_row_now(store: StockStore) -> None:
    level(store)
    level(store, 1, "poster")
    assert not store.move(None, RESERVED, {"tea": 3}, ["poster"])
    assert (counts(store), store.reservation("o-1")) == ((10, 0, 0), None)


@pytest.mark.parametrize("state", State)
def test_existing_reservation_is_not_replaced(store: StockStore, state: State) -> None:
    level(store)
    store.move(None, RESERVED.model_copy(update={"state": state}), {})
    assert not store.move(None, RESERVED, {"tea": 3})
    assert counts(store) == (10, 0, 0)


@pytest.mark.parametrize("state", [State.SOLD, State.RELEASED])
def test_reservation_in_another_state_is_not_changed(store: StockStore, state: State) -> None:
    level(store)
    found = RESERVED.model_copy(update={"state": state})
    store.move(None, found, {})
    assert not store.move(RESERVED, RESERVED.released(NOW), {})
    assert store.reservation("o-1") == found


def test_order_of_99_products_fits_one_transaction(store: StockStore) -> None:
    tracked = {f"p-{n}": 1 for n in range(60)}
    for name in tracked:
        level(store, 1, name)
    untracked = [f"u-{n}" for n in range(39)]
    ordered = tracked | dict.fromkeys(untracked, 1)
    assert store.move(None, Reservation.of("o-1", "swn", ordered, tracked, NOW), tracked, untracked)
    assert {row.available for row in store.levels(tracked).values()} == {0}


@pytest.mark.parametrize(
    ("reasons", "error"),
    [(["TransactionConflict"], None), (["ThrottlingError"], Refused), (["ProvisionedThroughputExceeded"], Refused)],
)
def test_conflict_is_a_lost_race_and_a_busy_table_refuses(
    aws_env: Mapping[str, str], reasons: list[str], error: type[Exception] | None
) -> None:
    client = Clients(aws_env).of("dynamodb")
    store = StockStore(client, "stock", "reservation")
    cancellation = {"CancellationReasons": [{"Code": reason} for reason in reasons]}
    with Stubber(client) as stubber:
        for _ in range(2 if error else 1):
            stubber.add_client_error(
                "transact_write_items", "TransactionCanceledException", modeled_fields=cancellation
            )
        if error:
            with pytest.raises(error):
                store.move(None, RESERVED, {"tea": 3})
        else:
            assert not store.move(None, RESERVED, {"tea": 3})


# ── Reads ──


def test_levels_and_reservations_are_read_consistently(stack: Mapping[str, str]) -> None:
    store = Wiring(stack).store
    seen = aws_clients.reads(store._dynamodb)
    store.level("tea")
    store.reservation("o-1")
    assert seen == [("GetItem", True), ("GetItem", True)]


def test_missing_table_is_unavailable(stack: Mapping[str, str]) -> None:
    Wiring(stack).store.check()
    with pytest.raises(Unavailable):
        Wiring({**stack, "SHOP_NAME": "none"}).store.check()


def _passes(check: Callable[[], None]) -> bool:
    """Raises what `check` raises."""
    check()
    return True


@pytest.mark.parametrize("table", ["shop-stock", "shop-reservation"])
def test_check_of_the_consumer_covers_both_tables(stack: Mapping[str, str], table: str) -> None:
    wiring = Wiring(stack)
    eventually(lambda: _passes(wiring.check))
    aws_clients.client("dynamodb").delete_table(TableName=table)
    with pytest.raises(Unavailable):
        wiring.check()


def test_check_of_the_consumer_covers_step_functions(stack: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its answers the commands would use up their attempts."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SFN", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="Step Functions does not answer"):
        Wiring(stack).check()


def test_unexpected_error_passes_unchanged(aws_env: Mapping[str, str]) -> None:
    client = Clients(aws_env).of("dynamodb")
    with Stubber(client) as stubber:
        stubber.add_client_error("put_item", "ValidationException")
        with pytest.raises(ClientError):
            StockStore(client, "stock", "reservation").set_available("tea", 1, "r", None)


# ── Concurrency ──


def test_fifty_parallel_reservations_of_the_last_ten_pieces_give_exactly_ten(store: StockStore) -> None:
    shop = StockShop(store)
    level(store, 10)

    def buy(number: int) -> str:
        try:
            shop.service.reserve(reserve(f"o-{number}", tea=1))
        except TaskRefused as refusal:
            return refusal.error
        return "RESERVED"

    with ThreadPoolExecutor(50) as threads:  # a busy emulator answers late, and the queue delivers the command again
        outcomes = list(threads.map(lambda number: eventually(lambda: buy(number)), range(50)))
    assert (outcomes.count("RESERVED"), outcomes.count("OUT_OF_STOCK")) == (10, 40)
    assert counts(store) == (0, 10, 0)


def test_parallel_copies_of_all_messages_of_an_order_count_once(store: StockStore) -> None:
    shop = StockShop(store)
    level(store, 10)
    reserved = [lambda: shop.service.reserve(reserve(tea=10))] * 8
    sold: list[Any] = [lambda: shop.service.sell(confirmed())] * 8
    released = [lambda: shop.service.release(release())] * 8
    for copies, expected in ((reserved, (0, 10, 0)), (sold, (0, 0, 10)), (released, (10, 0, 0))):
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda call: eventually(lambda: [call()]), copies))
        assert counts(store) == expected
