"""The page on costs has what counted calls and the prices give."""

import pytest

from docs.generate import filled
from simulate import costs
from simulate.counted import PROVIDER, one_order
from tests.environment import ROOT

PAGE = ROOT / "docs" / "costs.md"


def test_page_has_what_the_counted_calls_cost() -> None:
    """`make simulate` updates the page."""
    assert filled(PAGE.read_text(), costs.section()) == PAGE.read_text()


def test_checkout_costs_what_the_page_on_aws_says() -> None:
    """About 12 million write units, $7.50."""
    units = sum(sum(one_order()[kind].writes.values()) for kind in ("checkout", "CheckoutBasket"))
    assert units * costs.WRITES.dollars == pytest.approx(7.5, rel=0.01)
    assert "12 M write units $7.50" in (ROOT / "docs" / "aws.md").read_text()


def test_saga_costs_what_its_page_says() -> None:
    [row] = [line for line in (ROOT / "docs" / "saga.md").read_text().splitlines() if line.startswith("| Step Func")]
    assert f"${costs.backend()['Step Functions']:.0f}" in row


def test_the_provider_of_payments_costs_the_shop_nothing() -> None:
    paid = sum(sum(work.writes.values()) for work in one_order().values()) - costs.backend()["DynamoDB writes"] / 0.625
    assert paid == one_order()["AuthorizePayment"].writes[PROVIDER] == 1
