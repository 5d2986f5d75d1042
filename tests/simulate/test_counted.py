"""What an order asks of AWS is counted in the services' own code."""

from collections import Counter

from simulate import machine
from simulate.counted import PROVIDER, one_order
from tests.environment import ROOT
from tests.ordering.machine import definition, ways


def test_a_checkout_makes_three_calls_before_its_answer_and_two_after_it() -> None:
    assert one_order()["checkout"].calls == Counter({
        ("GetItem", "basket"): 1,
        ("BatchGetItem", "catalogue"): 1,
        ("TransactWriteItems", ""): 1,
        ("PutEvents", ""): 1,
        ("DeleteItem", "basket-outbox"): 1,
    })  # fmt: skip


def test_write_units_are_those_of_the_page_on_the_saga() -> None:
    """The provider's own table is no part of them."""
    placed = [work for kind, work in one_order().items() if kind not in {"checkout", "CheckoutBasket"}]
    units = sum((work.writes for work in placed), Counter[str]()) + Counter({"order index": 1})  # written at placing
    del units[PROVIDER]
    [row] = [line for line in (ROOT / "docs" / "saga.md").read_text().splitlines() if line.startswith("| sum | 25")]
    assert f"| {sum(units.values())} |" in row


def test_each_command_of_a_confirmed_order_is_counted() -> None:
    _, steps = machine.confirmed_way()
    assert [step.command for step in steps] == ["ReserveStock", "AuthorizePayment", "ConfirmOrder"]
    assert {step.command for step in steps} < one_order().keys()
    assert all(one_order()[step.command].count("SendTaskSuccess") == 1 for step in steps)


def test_states_of_a_confirmed_order_are_a_way_through_the_template() -> None:
    entered, _ = machine.confirmed_way()
    lengths = {len(way) for way in ways(definition()) if any(step.exit and step.exit.why == "else" for step in way)}
    assert entered in lengths
