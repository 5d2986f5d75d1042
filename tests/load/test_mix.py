"""The decisions of shoppers and of the merchandiser."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from random import Random

import pytest

from load.mix import CENT, DECLINED, Checkout, Visit, new_price, visit

VISITS = [visit(rng) for rng in [Random(7)] for _ in range(20_000)]
BOUGHT = [it for it in VISITS if it.checkout]


def share(found: list[Visit], asked: Callable[[Visit], bool]) -> float:
    return sum(map(asked, found)) / len(found)


def test_the_same_seed_makes_the_same_decisions() -> None:
    assert [visit(Random("1 2")) for _ in range(3)] == [visit(Random("1 2"))] * 3
    assert visit(Random("1 2")) != visit(Random("1 3"))


def test_shoppers_mostly_look_and_sometimes_buy() -> None:
    assert 2.2 < sum(len(it.opens) for it in VISITS) / len(VISITS) < 2.8
    assert share(VISITS, lambda it: it.adds == 0) == pytest.approx(0.2, abs=0.02)
    assert len(BOUGHT) / len(VISITS) == pytest.approx(0.6, abs=0.02)


def test_an_empty_basket_is_never_checked_out() -> None:
    assert [it for it in BOUGHT if it.adds == 0] == []


def test_a_few_checkouts_are_double_clicks_or_have_a_stale_total() -> None:
    kinds = Counter(it.checkout for it in BOUGHT)
    assert kinds[Checkout.DOUBLE_CLICK] / len(BOUGHT) == pytest.approx(0.05, abs=0.01)
    assert kinds[Checkout.STALE_TOTAL] / len(BOUGHT) == pytest.approx(0.03, abs=0.01)


def test_a_few_orders_are_cancelled_or_declined() -> None:
    assert share(BOUGHT, lambda it: it.cancels) == pytest.approx(0.05, abs=0.01)
    assert share(BOUGHT, lambda it: it.card == DECLINED) == pytest.approx(0.03, abs=0.01)


def test_one_price_change_in_five_is_a_deep_cut() -> None:
    rng, usual = Random(7), Decimal("950.00")
    prices = [new_price(rng, usual) for _ in range(5000)]
    cut = [price for price in prices if price < usual * Decimal("0.9")]
    assert len(cut) / len(prices) == pytest.approx(0.2, abs=0.02)
    assert {price.as_tuple().exponent for price in prices} == {-2}
    assert min(prices) >= usual * Decimal("0.75") - CENT


def test_no_price_becomes_zero() -> None:
    rng = Random(7)
    assert min(new_price(rng, CENT) for _ in range(100)) == CENT
