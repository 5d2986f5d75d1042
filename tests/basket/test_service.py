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
from tests.fakes import BasketShop, Fate, Write, after, answer_lost, cancelled, never_arrived, refused
from tests.samples import CARD, CHECKOUT

RED = LineInput(productId="phone", quantity=2, color="Red")
BLUE = LineInput(productId="phone", quantity=1, color="Blue")
CASE = LineInput(productId="case", quantity=1)
BOAT = LineInput(productId="boat", quantity=1)  # no product of the catalogue


@pytest.fixture
def shop() -> BasketShop:
    """swn wants two red phones."""
    return stocked()


def stocked() -> BasketShop:
    shop = BasketShop(phone="950", case="14.50")
    shop.service.add("swn", RED)
    return shop


def request(**fields: Any) -> CheckoutInput:
    return CheckoutInput.model_validate(CHECKOUT | fields)


def quantities(shop: BasketShop) -> dict[tuple[str, str], int]:
    return {line.key: line.quantity for line in shop.baskets.rows["swn"].items}


def twin(shop: BasketShop, key: str | None) -> Callable[[], object]:
    return lambda: shop.service.checkout(request(), key)


# ── Filling ──


def test_a_view_has_todays_prices(shop: BasketShop) -> None:
    shop.catalogue.listings["phone"] = shop.catalogue.listings["case"]
    (line,) = shop.service.get("swn").items
    assert (line.addedPrice, line.price) == (Decimal(950), Decimal("14.50"))


def test_replacing_throws_the_old_lines_away_and_needs_no_basket_before(shop: BasketShop) -> None:
    for user in ("swn", "new"):
        view = shop.service.replace(BasketInput(userName=user, items=[CASE, CASE]))
        assert [(line.productId, line.quantity) for line in view.items] == [("case", 2)]
        assert shop.service.get(user) == view


def test_adding_to_no_basket_makes_one(shop: BasketShop) -> None:
    assert shop.service.add("new", CASE).totalPrice == Decimal("14.50")


@pytest.mark.parametrize(
    "write",
    [
        lambda service: service.add("swn", BOAT),
        lambda service: service.replace(BasketInput(userName="swn", items=[RED, BOAT])),
    ],
)
def test_an_unknown_product_changes_nothing_and_is_named(
    shop: BasketShop, write: Callable[[BasketService], object]
) -> None:
    before = dict(shop.baskets.rows)
    with pytest.raises(Invalid) as caught:
        write(shop.service)
    assert caught.value.members == {"productIds": ["boat"]}
    assert shop.baskets.rows == before


def test_a_line_is_dropped_and_an_absent_one_not_found(shop: BasketShop) -> None:
    shop.service.add("swn", BLUE)
    shop.service.remove_line("swn", "phone", "Blue")
    assert quantities(shop) == {("phone", "Red"): 2}
    for user, color in [("swn", "Blue"), ("nobody", None)]:
        with pytest.raises(NotFound):
            shop.service.remove_line(user, "phone", color)


@pytest.mark.parametrize("fate", [answer_lost, never_arrived, cancelled])
def test_a_line_is_added_once_whatever_becomes_of_the_write(shop: BasketShop, fate: Fate) -> None:
    shop.baskets.fates.append(fate)
    shop.service.add("swn", RED)
    assert quantities(shop) == {("phone", "Red"): 4}


def test_a_line_is_added_once_even_if_its_answer_is_lost_and_another_writes_before_it_is_looked_for(
    shop: BasketShop,
) -> None:
    def lost_and_overwritten(write: Write) -> bool:
        write()
        shop.service.add("swn", CASE)
        raise Unavailable("DynamoDB does not answer.")

    shop.baskets.fates.append(lost_and_overwritten)
    view = shop.service.add("swn", RED)
    assert quantities(shop) == {("phone", "Red"): 4, ("case", ""): 1}
    assert view.totalPrice == Decimal("3814.50")


def test_a_line_whose_answer_was_lost_with_the_basket_is_not_added_to_the_next_one(shop: BasketShop) -> None:
    """Whether the checkout in between took it with it, nobody can tell: so nobody says, and nothing is doubled."""

    def lost_and_checked_out(write: Write) -> bool:
        write()
        shop.service.checkout(request())
        raise Unavailable("DynamoDB does not answer.")

    shop.baskets.fates.append(lost_and_checked_out)
    with pytest.raises(Unavailable, match="not known"):
        shop.service.add("swn", RED)
    assert shop.baskets.rows == {}


@pytest.mark.parametrize(("before", "known"), [([], True), ([cancelled], True), ([never_arrived], False)])
def test_an_edit_that_is_refused_is_known_not_to_be_made_unless_a_try_before_got_no_answer(
    shop: BasketShop, before: list[Fate], known: bool
) -> None:
    shop.baskets.fates.extend([*before, refused])
    with pytest.raises(Unavailable) as caught:
        shop.service.add("swn", RED)
    assert isinstance(caught.value, Refused) is known
    assert ("not known" in caught.value.detail) is not known
    assert quantities(shop) == {("phone", "Red"): 2}


def test_after_an_unanswered_edit_a_database_down_leaves_open_whether_it_was_made(shop: BasketShop) -> None:
    def dies(write: Write) -> bool:
        shop.baskets.down = True
        return answer_lost(write)

    shop.baskets.fates.append(dies)
    with pytest.raises(Unavailable, match="not known"):
        shop.service.add("swn", RED)


def test_two_who_edit_at_once_both_get_their_lines(shop: BasketShop) -> None:
    shop.baskets.fates.append(after(lambda: shop.service.add("swn", CASE)))
    shop.service.add("swn", BLUE)
    assert quantities(shop) == {("phone", "Red"): 2, ("case", ""): 1, ("phone", "Blue"): 1}


def test_the_answer_to_an_added_line_prices_the_whole_basket(shop: BasketShop) -> None:
    assert shop.service.add("swn", CASE).totalPrice == Decimal("1914.50")


def test_nothing_is_written_whose_prices_could_not_be_shown(shop: BasketShop) -> None:
    shop.baskets.after_reads.append(lambda: setattr(shop.catalogue, "down", True))
    with pytest.raises(Unavailable):
        shop.service.add("swn", CASE)
    assert quantities(shop) == {("phone", "Red"): 2}


def test_a_hundred_lines_ask_for_each_product_once() -> None:
    shop = BasketShop(**{f"p-{n}": "1" for n in range(50)})
    lines = [LineInput(productId=f"p-{n % 50}", quantity=1, color=str(n)) for n in range(100)]
    shop.service.replace(BasketInput(userName="swn", items=lines))
    assert sorted(shop.catalogue.asked) == sorted(shop.catalogue.listings)
    shop.catalogue.asked.clear()
    shop.service.checkout(request())
    assert sorted(shop.catalogue.asked) == sorted(shop.catalogue.listings)


def test_a_page_of_baskets_asks_for_each_product_once(shop: BasketShop) -> None:
    shop.service.add("ada", BLUE)
    shop.catalogue.asked.clear()
    page = shop.service.page(10, None)
    assert [view.userName for view in page.items] == ["swn", "ada"]
    assert shop.catalogue.asked == ["phone"]


def test_a_removed_basket_is_gone(shop: BasketShop) -> None:
    shop.service.remove("swn")
    with pytest.raises(NotFound):
        shop.service.get("swn")


# ── Checkout: its end, whatever happens on the way ──


def test_a_checkout_turns_the_basket_into_one_published_event(shop: BasketShop) -> None:
    receipt = shop.service.checkout(request())
    (event,) = shop.bus.published
    data = json.loads(event.detail)["data"]
    assert (event.id, data["orderId"], data["totalPrice"]) == (receipt.orderId, receipt.orderId, 1900)
    assert (shop.baskets.rows, shop.outbox.rows) == ({}, {})


@pytest.mark.parametrize("mode", ["refuses", "raises", "is down", "loses its answer"])
def test_an_event_that_is_not_surely_published_stays_for_the_relay(shop: BasketShop, mode: str) -> None:
    shop.bus.mode = mode
    assert shop.service.checkout(request()).orderId in shop.outbox.rows


def test_an_outbox_row_that_cannot_be_deleted_takes_nothing_back(shop: BasketShop) -> None:
    shop.outbox.down = True
    assert {shop.service.checkout(request()).orderId} == shop.orders


def test_a_cancelled_checkout_is_tried_again(shop: BasketShop) -> None:
    shop.baskets.fates.extend([cancelled, never_arrived])
    assert {shop.service.checkout(request()).orderId} == shop.orders


def test_a_basket_edited_meanwhile_is_ordered_as_it_is_by_then(shop: BasketShop) -> None:
    shop.baskets.fates.append(after(lambda: shop.service.add("swn", CASE)))
    answer = json.loads(shop.service.checkout(request()).answer)
    (event,) = shop.bus.published
    assert answer["totalPrice"] == json.loads(event.detail)["data"]["totalPrice"] == 1914.5


def test_a_basket_filled_again_meanwhile_is_never_taken_for_the_one_before(shop: BasketShop) -> None:
    """The twin orders the old basket, and the new one has the same lines: what is ordered is paid for once each."""

    def twin_and_refill() -> None:
        shop.service.checkout(request())
        shop.service.add("swn", CASE)

    shop.baskets.fates.append(after(twin_and_refill))
    shop.service.checkout(request())
    totals = [json.loads(event.detail)["data"]["totalPrice"] for event in shop.bus.published]
    assert totals == [1900, 14.5]


def test_a_checkout_whose_answer_was_lost_finds_its_own_order(shop: BasketShop) -> None:
    shop.baskets.fates.append(answer_lost)
    receipt = shop.service.checkout(request())
    assert {receipt.orderId} == shop.orders
    assert list(shop.baskets.receipts.values()) == [receipt]


def test_a_database_that_dies_in_the_commit_leaves_an_unknown_outcome_that_names_the_order(shop: BasketShop) -> None:
    def dies(write: Callable[[], bool]) -> bool:
        shop.baskets.down = True
        return answer_lost(write)

    shop.baskets.fates.append(dies)
    with pytest.raises(Unavailable, match="not known") as caught:
        shop.service.checkout(request())
    assert {caught.value.members["orderId"]} == shop.orders


def test_a_commit_that_is_refused_is_known_not_to_have_happened(shop: BasketShop) -> None:
    shop.baskets.fates.append(refused)
    with pytest.raises(Refused) as caught:
        shop.service.checkout(request())
    assert "orderId" not in caught.value.members
    assert shop.orders == set()


def test_a_commit_that_is_refused_after_one_without_an_answer_leaves_the_outcome_unknown(shop: BasketShop) -> None:
    shop.baskets.fates.extend([never_arrived, refused])
    with pytest.raises(Unavailable, match="not known") as caught:
        shop.service.checkout(request())
    assert "orderId" in caught.value.members


@pytest.mark.parametrize("loss", ["basket gone", "price changed"])
def test_after_an_unanswered_commit_no_error_denies_the_order(shop: BasketShop, loss: str) -> None:
    def meanwhile() -> None:
        if loss == "basket gone":
            shop.service.remove("swn")
        else:
            shop.catalogue.listings["phone"] = shop.catalogue.listings["case"]

    shop.baskets.fates.append(never_arrived)
    shop.baskets.after_reads.extend([lambda: None] * 2 + [meanwhile])
    with pytest.raises(Unavailable, match="not known"):
        shop.service.checkout(request(expectedTotal=1900))


@pytest.mark.parametrize("down", ["baskets", "catalogue"])
def test_a_dependency_down_before_the_commit_is_no_unknown_outcome(shop: BasketShop, down: str) -> None:
    getattr(shop, down).down = True
    with pytest.raises(Unavailable) as caught:
        shop.service.checkout(request())
    assert "not known" not in caught.value.detail
    assert shop.orders == set()
    assert "swn" in shop.baskets.rows


def test_a_checkout_ends_at_its_deadline(shop: BasketShop) -> None:
    shop.baskets.fates.extend([cancelled] * 1000)
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
def test_what_cannot_be_ordered_leaves_everything_as_it_was(
    shop: BasketShop, prepare: Callable[[BasketShop], object], body: dict[str, Any], error: type[DomainError]
) -> None:
    prepare(shop)
    before = dict(shop.baskets.rows)
    with pytest.raises(error):
        shop.service.checkout(request(**body))
    assert (shop.baskets.rows, shop.orders, shop.baskets.receipts) == (before, set(), {})


# ── Checkout: the Idempotency-Key ──


def test_a_repeated_key_gets_the_same_answer_and_leaves_the_next_basket_alone(shop: BasketShop) -> None:
    first = shop.service.checkout(request(), "key")
    shop.service.add("swn", CASE)
    assert shop.service.checkout(request(), "key") == first
    assert shop.orders == {first.orderId}
    assert quantities(shop) == {("case", ""): 1}


def test_a_key_used_with_another_request_is_refused(shop: BasketShop) -> None:
    shop.service.checkout(request(), "key")
    with pytest.raises(Invalid, match="Idempotency-Key"):
        shop.service.checkout(request(address="Ankara"), "key")


def test_a_key_is_free_again_after_a_day_though_its_row_is_still_there(shop: BasketShop) -> None:
    first = shop.service.checkout(request(), "key")
    shop.service.add("swn", CASE)
    shop.clock.pass_(hours=24)
    assert shop.service.checkout(request(address="Ankara"), "key").orderId != first.orderId


def test_a_key_belongs_to_its_user(shop: BasketShop) -> None:
    shop.service.add("ada", CASE)
    orders = {shop.service.checkout(request(userName=user), "key").orderId for user in ("swn", "ada")}
    assert len(orders) == 2


@pytest.mark.parametrize("reads", [0, 1])
def test_concurrent_checkout_with_same_key_returns_its_receipt(shop: BasketShop, reads: int) -> None:
    """With the basket read after the receipt, this placed order would be a 404."""
    shop.baskets.after_reads.extend([lambda: None] * reads + [twin(shop, "key")])
    assert {shop.service.checkout(request(), "key").orderId} == shop.orders


def test_checkout_that_loses_to_one_with_the_same_key_returns_its_receipt(shop: BasketShop) -> None:
    shop.baskets.fates.append(after(twin(shop, "key")))
    assert {shop.service.checkout(request(), "key").orderId} == shop.orders


fates = st.lists(st.sampled_from([answer_lost, never_arrived, cancelled, refused]), max_size=3)
modes = st.sampled_from(["takes", "refuses", "raises", "is down", "loses its answer"])


@settings(max_examples=40)
@given(st.lists(st.tuples(fates, modes, st.booleans()), min_size=1, max_size=4))
def test_a_client_that_retries_with_its_key_gets_exactly_one_order(
    history: list[tuple[list[Fate], str, bool]],
) -> None:
    shop, answers = stocked(), []
    for what_happens, mode, dies in history:
        shop.baskets.fates.extend(what_happens)
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
def test_a_card_number_is_in_no_row_no_event_and_no_log_line(shop: BasketShop, mode: str) -> None:
    shop.bus.mode = mode
    shop.baskets.fates.extend([cancelled, answer_lost])
    with structlog.testing.capture_logs() as lines:
        shop.service.checkout(request())
    kept = f"{shop.baskets.receipts} {shop.outbox.rows} {shop.bus.published} {lines}"
    assert lines
    assert "3322" in kept
    assert CARD.replace(" ", "")[:8] not in kept.replace(" ", "")
