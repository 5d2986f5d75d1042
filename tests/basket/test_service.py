import json
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.core import deadline
from chassis.core.errors import Conflict, DomainError, Invalid, NotFound, Refused, Unavailable
from services.basket.checkout import CheckoutInput
from services.basket.models import BasketInput, LineInput
from services.basket.service import BasketService
from tests.fakes import BasketShop, Write, WriteEffect, after, answer_lost, cancelled, never_arrived, refused
from tests.samples import CARD, CHECKOUT

RED = LineInput(productId="phone", quantity=2, color="Red")
BLUE = LineInput(productId="phone", quantity=1, color="Blue")
CASE = LineInput(productId="case", quantity=1)
BOAT = LineInput(productId="boat", quantity=1)  # not in the catalogue


@pytest.fixture
def shop() -> BasketShop:
    """The basket of swn has two red phones."""
    return stocked()


def stocked() -> BasketShop:
    shop = BasketShop(phone="950", case="14.50")
    shop.service.add("swn", RED)
    return shop


def request(**fields: Any) -> CheckoutInput:
    return CheckoutInput.model_validate(CHECKOUT | fields)


def quantities(shop: BasketShop) -> dict[tuple[str, str], int]:
    return {line.key: line.quantity for line in shop.baskets.rows["swn"].items}


def concurrent_checkout(shop: BasketShop, key: str | None) -> Callable[[], object]:
    return lambda: shop.service.checkout(request(), key)


# ── Filling ──


def test_view_has_current_prices(shop: BasketShop) -> None:
    shop.catalogue.listings["phone"] = shop.catalogue.listings["case"]
    (line,) = shop.service.get("swn").items
    assert (line.addedPrice, line.price) == (Decimal(950), Decimal("14.50"))


def test_replacing_removes_old_lines_and_needs_no_existing_basket(shop: BasketShop) -> None:
    for user in ("swn", "new"):
        view = shop.service.replace(BasketInput(userName=user, items=[CASE, CASE]))
        assert [(line.productId, line.quantity) for line in view.items] == [("case", 2)]
        assert shop.service.get(user) == view


def test_adding_a_line_creates_a_missing_basket(shop: BasketShop) -> None:
    assert shop.service.add("new", CASE).totalPrice == Decimal("14.50")


@pytest.mark.parametrize(
    "write",
    [
        lambda service: service.add("swn", BOAT),
        lambda service: service.replace(BasketInput(userName="swn", items=[RED, BOAT])),
    ],
)
def test_unknown_product_changes_nothing_and_is_named(
    shop: BasketShop, write: Callable[[BasketService], object]
) -> None:
    before = dict(shop.baskets.rows)
    with pytest.raises(Invalid) as caught:
        write(shop.service)
    assert caught.value.members == {"productIds": ["boat"]}
    assert shop.baskets.rows == before


def test_line_is_removed_and_a_missing_one_is_not_found(shop: BasketShop) -> None:
    shop.service.add("swn", BLUE)
    shop.service.remove_line("swn", "phone", "Blue")
    assert quantities(shop) == {("phone", "Red"): 2}
    for user, color in [("swn", "Blue"), ("nobody", None)]:
        with pytest.raises(NotFound):
            shop.service.remove_line(user, "phone", color)


@pytest.mark.parametrize("effect", [answer_lost, never_arrived, cancelled])
def test_line_is_added_once_whatever_happens_to_the_write(shop: BasketShop, effect: WriteEffect) -> None:
    shop.baskets.effects.append(effect)
    shop.service.add("swn", RED)
    assert quantities(shop) == {("phone", "Red"): 4}


def test_line_is_added_once_after_a_lost_answer_and_a_concurrent_write(
    shop: BasketShop,
) -> None:
    def lost_and_overwritten(write: Write) -> bool:
        write()
        shop.service.add("swn", CASE)
        raise Unavailable("DynamoDB does not answer.")

    shop.baskets.effects.append(lost_and_overwritten)
    view = shop.service.add("swn", RED)
    assert quantities(shop) == {("phone", "Red"): 4, ("case", ""): 1}
    assert view.totalPrice == Decimal("3814.50")


def test_line_with_a_lost_answer_is_not_added_to_the_next_basket(shop: BasketShop) -> None:
    """The checkout in between may have ordered the line, so the outcome is unknown, and nothing is added twice."""

    def lost_and_checked_out(write: Write) -> bool:
        write()
        shop.service.checkout(request())
        raise Unavailable("DynamoDB does not answer.")

    shop.baskets.effects.append(lost_and_checked_out)
    with pytest.raises(Unavailable, match="unknown"):
        shop.service.add("swn", RED)
    assert shop.baskets.rows == {}


@pytest.mark.parametrize(("before", "known"), [([], True), ([cancelled], True), ([never_arrived], False)])
def test_refused_edit_is_certain_unless_an_earlier_attempt_was_unanswered(
    shop: BasketShop, before: list[WriteEffect], known: bool
) -> None:
    shop.baskets.effects.extend([*before, refused])
    with pytest.raises(Unavailable) as caught:
        shop.service.add("swn", RED)
    assert isinstance(caught.value, Refused) is known
    assert ("unknown" in caught.value.detail) is not known
    assert quantities(shop) == {("phone", "Red"): 2}


def test_unavailable_database_after_an_unanswered_edit_is_an_unknown_outcome(shop: BasketShop) -> None:
    def dies(write: Write) -> bool:
        shop.baskets.down = True
        return answer_lost(write)

    shop.baskets.effects.append(dies)
    with pytest.raises(Unavailable, match="unknown"):
        shop.service.add("swn", RED)


def test_concurrent_edits_both_take_effect(shop: BasketShop) -> None:
    shop.baskets.effects.append(after(lambda: shop.service.add("swn", CASE)))
    shop.service.add("swn", BLUE)
    assert quantities(shop) == {("phone", "Red"): 2, ("case", ""): 1, ("phone", "Blue"): 1}


def test_response_to_an_added_line_has_all_prices(shop: BasketShop) -> None:
    assert shop.service.add("swn", CASE).totalPrice == Decimal("1914.50")


def test_nothing_is_written_if_prices_are_unavailable(shop: BasketShop) -> None:
    shop.baskets.after_reads.append(lambda: setattr(shop.catalogue, "down", True))
    with pytest.raises(Unavailable):
        shop.service.add("swn", CASE)
    assert quantities(shop) == {("phone", "Red"): 2}


def test_hundred_lines_look_up_each_product_once() -> None:
    shop = BasketShop(**{f"p-{n}": "1" for n in range(50)})
    lines = [LineInput(productId=f"p-{n % 50}", quantity=1, color=str(n)) for n in range(100)]
    shop.service.replace(BasketInput(userName="swn", items=lines))
    assert sorted(shop.catalogue.asked) == sorted(shop.catalogue.listings)
    shop.catalogue.asked.clear()
    shop.service.checkout(request())
    assert sorted(shop.catalogue.asked) == sorted(shop.catalogue.listings)


def test_page_of_baskets_looks_up_each_product_once(shop: BasketShop) -> None:
    shop.service.add("ada", BLUE)
    shop.catalogue.asked.clear()
    page = shop.service.page(10, None)
    assert [view.userName for view in page.items] == ["swn", "ada"]
    assert shop.catalogue.asked == ["phone"]


def test_removed_basket_is_not_found(shop: BasketShop) -> None:
    shop.service.remove("swn")
    with pytest.raises(NotFound):
        shop.service.get("swn")


# ── Checkout: outcomes under faults ──


def test_checkout_turns_the_basket_into_one_published_event(shop: BasketShop) -> None:
    receipt = shop.service.checkout(request())
    (event,) = shop.bus.published
    data = json.loads(event.detail)["data"]
    assert (event.id, data["orderId"], data["totalPrice"]) == (receipt.orderId, receipt.orderId, 1900)
    assert (shop.baskets.rows, shop.outbox.rows) == ({}, {})


@pytest.mark.parametrize("mode", ["refuses", "raises", "is down", "loses its answer"])
def test_event_that_may_be_unpublished_stays_for_the_relay(shop: BasketShop, mode: str) -> None:
    shop.bus.mode = mode
    assert shop.service.checkout(request()).orderId in shop.outbox.rows


def test_checkout_succeeds_if_the_outbox_row_cannot_be_deleted(shop: BasketShop) -> None:
    shop.outbox.down = True
    assert {shop.service.checkout(request()).orderId} == shop.orders


def test_cancelled_checkout_is_retried(shop: BasketShop) -> None:
    shop.baskets.effects.extend([cancelled, never_arrived])
    assert {shop.service.checkout(request()).orderId} == shop.orders


def test_basket_edited_during_the_checkout_is_ordered_as_edited(shop: BasketShop) -> None:
    shop.baskets.effects.append(after(lambda: shop.service.add("swn", CASE)))
    answer = json.loads(shop.service.checkout(request()).answer)
    (event,) = shop.bus.published
    assert answer["totalPrice"] == json.loads(event.detail)["data"]["totalPrice"] == 1914.5


def test_basket_filled_again_is_not_mistaken_for_the_old_one(shop: BasketShop) -> None:
    """A concurrent checkout orders the old basket. The new one has the same lines and is ordered once more."""

    def checkout_and_refill() -> None:
        shop.service.checkout(request())
        shop.service.add("swn", CASE)

    shop.baskets.effects.append(after(checkout_and_refill))
    shop.service.checkout(request())
    totals = [json.loads(event.detail)["data"]["totalPrice"] for event in shop.bus.published]
    assert totals == [1900, 14.5]


def test_checkout_with_a_lost_answer_finds_its_own_order(shop: BasketShop) -> None:
    shop.baskets.effects.append(answer_lost)
    receipt = shop.service.checkout(request())
    assert {receipt.orderId} == shop.orders
    assert list(shop.baskets.receipts.values()) == [receipt]


def test_database_failure_in_the_commit_is_an_unknown_outcome_with_the_order_id(shop: BasketShop) -> None:
    def dies(write: Callable[[], bool]) -> bool:
        shop.baskets.down = True
        return answer_lost(write)

    shop.baskets.effects.append(dies)
    with pytest.raises(Unavailable, match="unknown") as caught:
        shop.service.checkout(request())
    assert {caught.value.members["orderId"]} == shop.orders


def test_refused_commit_placed_no_order(shop: BasketShop) -> None:
    shop.baskets.effects.append(refused)
    with pytest.raises(Refused) as caught:
        shop.service.checkout(request())
    assert "orderId" not in caught.value.members
    assert shop.orders == set()


def test_refused_commit_after_an_unanswered_one_is_an_unknown_outcome(shop: BasketShop) -> None:
    shop.baskets.effects.extend([never_arrived, refused])
    with pytest.raises(Unavailable, match="unknown") as caught:
        shop.service.checkout(request())
    assert "orderId" in caught.value.members


@pytest.mark.parametrize("loss", ["basket gone", "price changed"])
def test_errors_after_an_unanswered_commit_become_unknown_outcome(shop: BasketShop, loss: str) -> None:
    def meanwhile() -> None:
        if loss == "basket gone":
            shop.service.remove("swn")
        else:
            shop.catalogue.listings["phone"] = shop.catalogue.listings["case"]

    shop.baskets.effects.append(never_arrived)
    shop.baskets.after_reads.extend([lambda: None, meanwhile])
    with pytest.raises(Unavailable, match="unknown"):
        shop.service.checkout(request(expectedTotal=1900))


@pytest.mark.parametrize("down", ["baskets", "catalogue"])
def test_unavailable_dependency_before_the_commit_is_no_unknown_outcome(shop: BasketShop, down: str) -> None:
    getattr(shop, down).down = True
    with pytest.raises(Unavailable) as caught:
        shop.service.checkout(request())
    assert "unknown" not in caught.value.detail
    assert shop.orders == set()
    assert "swn" in shop.baskets.rows


def test_checkout_ends_at_its_deadline(shop: BasketShop) -> None:
    shop.baskets.effects.extend([cancelled] * 1000)
    deadline.start(0.2)
    with pytest.raises(Unavailable):
        shop.service.checkout(request())
    assert shop.orders == set()


@pytest.mark.parametrize(
    ("prepare", "body", "error"),
    [
        (lambda shop: shop.service.remove("swn"), {}, NotFound),
        (lambda shop: shop.service.replace(BasketInput(userName="swn", items=[])), {}, Conflict),
        (lambda shop: shop.catalogue.listings.clear(), {}, Conflict),
        (lambda shop: None, {"expectedTotal": 1899}, Conflict),
    ],
)
def test_rejected_checkout_changes_nothing(
    shop: BasketShop, prepare: Callable[[BasketShop], object], body: dict[str, Any], error: type[DomainError]
) -> None:
    prepare(shop)
    before = dict(shop.baskets.rows)
    with pytest.raises(error):
        shop.service.checkout(request(**body))
    assert (shop.baskets.rows, shop.orders, shop.baskets.receipts) == (before, set(), {})


# ── Checkout: the Idempotency-Key ──


def test_repeated_key_gets_the_same_receipt_and_keeps_the_next_basket(shop: BasketShop) -> None:
    first = shop.service.checkout(request(), "key")
    shop.service.add("swn", CASE)
    assert shop.service.checkout(request(), "key") == first
    assert shop.orders == {first.orderId}
    assert quantities(shop) == {("case", ""): 1}


def test_key_used_for_another_request_is_rejected(shop: BasketShop) -> None:
    shop.service.checkout(request(), "key")
    with pytest.raises(Invalid, match="Idempotency-Key"):
        shop.service.checkout(request(address="Ankara"), "key")


def test_expired_key_can_be_used_again(shop: BasketShop) -> None:
    first = shop.service.checkout(request(), "key")
    shop.service.add("swn", CASE)
    shop.clock.pass_(hours=24)
    assert shop.service.checkout(request(address="Ankara"), "key").orderId != first.orderId


def test_key_belongs_to_its_user(shop: BasketShop) -> None:
    shop.service.add("ada", CASE)
    orders = {shop.service.checkout(request(userName=user), "key").orderId for user in ("swn", "ada")}
    assert len(orders) == 2


def test_concurrent_checkout_with_same_key_returns_its_receipt(shop: BasketShop) -> None:
    shop.baskets.after_reads.append(concurrent_checkout(shop, "key"))
    assert {shop.service.checkout(request(), "key").orderId} == shop.orders


@pytest.mark.parametrize("reads", [0, 1, 2])
@pytest.mark.parametrize("key", [None, "key"])
def test_commit_that_takes_effect_during_the_second_attempt_is_found(
    shop: BasketShop, key: str | None, reads: int
) -> None:
    """If the receipt were read before the basket, this placed order could be a 404."""

    def late(write: Write) -> bool:
        shop.baskets.after_reads.extend([lambda: None] * reads + [write])
        raise Unavailable("DynamoDB does not answer.")

    shop.baskets.effects.append(late)
    assert {shop.service.checkout(request(), key).orderId} == shop.orders


@pytest.mark.parametrize(
    "prepare",
    [
        lambda shop: None,
        lambda shop: shop.service.add("swn", CASE),
        lambda shop: shop.service.replace(BasketInput(userName="swn", items=[])),
        lambda shop: (shop.service.add("swn", CASE), shop.catalogue.listings.clear()),
        lambda shop: (shop.service.add("swn", CASE), vars(shop.catalogue).update(down=True)),
    ],
    ids=["no basket", "other total", "empty basket", "product gone", "catalogue down"],
)
def test_repeated_key_is_recognised_before_an_error_is_reported(
    shop: BasketShop, prepare: Callable[[BasketShop], object]
) -> None:
    first = shop.service.checkout(request(expectedTotal=1900), "key")
    prepare(shop)
    assert shop.service.checkout(request(expectedTotal=1900), "key") == first
    with pytest.raises(Invalid, match="Idempotency-Key"):
        shop.service.checkout(request(expectedTotal=1901), "key")


def test_checkout_that_loses_to_one_with_the_same_key_returns_its_receipt(shop: BasketShop) -> None:
    shop.baskets.effects.append(after(concurrent_checkout(shop, "key")))
    assert {shop.service.checkout(request(), "key").orderId} == shop.orders


effects = st.lists(st.sampled_from([answer_lost, never_arrived, cancelled, refused]), max_size=3)
modes = st.sampled_from(["takes", "refuses", "raises", "is down", "loses its answer"])


@settings(max_examples=40)
@given(st.lists(st.tuples(effects, modes, st.booleans()), min_size=1, max_size=4))
def test_client_that_retries_with_its_key_gets_exactly_one_order(
    history: list[tuple[list[WriteEffect], str, bool]],
) -> None:
    shop, answers = stocked(), []
    for what_happens, mode, dies in history:
        shop.baskets.effects.extend(what_happens)
        shop.baskets.after_reads.extend([lambda: None] * 2 + [partial(setattr, shop.baskets, "down", dies)])
        shop.bus.mode = mode
        with suppress(Unavailable):
            answers.append(shop.service.checkout(request(), "key"))
        shop.baskets.recover()
    answers.append(shop.service.checkout(request(), "key"))
    assert {receipt.orderId for receipt in answers} == shop.orders
    assert len({receipt.answer for receipt in answers}) == 1


# ── Checkout: card data ──


@pytest.mark.parametrize("mode", ["takes", "raises", "is down"])
def test_card_number_is_in_no_row_event_or_log_line(shop: BasketShop, mode: str) -> None:
    shop.bus.mode = mode
    shop.baskets.effects.extend([cancelled, answer_lost])
    with structlog.testing.capture_logs() as lines:
        shop.service.checkout(request())
    kept = f"{shop.baskets.receipts} {shop.outbox.rows} {shop.bus.published} {lines}"
    assert lines
    assert "3322" in kept
    assert CARD.replace(" ", "")[:8] not in kept.replace(" ", "")
